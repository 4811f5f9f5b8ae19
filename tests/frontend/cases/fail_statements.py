import task_lang as task
from math import inf
import numpy as np
import task_lang
import task_lang as task
class C:
    def f(self):
        pass
while True:
    pass
with x as y: pass
try:
    pass
except E:
    pass
finally:
    pass
async def g():
    pass
def plain(A):
    x = 1
    return x
@task.define
def f(A):
    global G
    nonlocal H
    while A:
        x = 1
    class D:
        pass
    with A as B:
        pass
    try:
        pass
    except E:
        pass
    finally:
        pass
    raise A
    import os
    from os import path
    del A
    for i in task.sequential_range(3):
        break
        continue
    async def h(): pass
    await f
    yield 1
    pass
