import task_lang as task
  X = 1
@task.define
def f(A):
        x = 1
    y = 2
        z = 3
@task.define
def g(A):
    if x:
    	y = 1
        w = 2
	v = 3
@task.define
def h(A):
x = 1
@task.define
def i(A):
    for k in task.sequential_range(2):
    y = 2
    if y == 2:
