import numpy as np
N = task.sqrt(2)
@task.define
def f(A): pass
