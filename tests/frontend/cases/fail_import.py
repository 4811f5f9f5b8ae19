@task.define
def f(A): pass
@task.define
def g(A): pass
