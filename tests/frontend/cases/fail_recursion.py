import task_lang as task
@task.define
def a(X):
    for i in task.sequential_range(2):
        task.launch(b, X)
@task.define
def b(X):
    if X.ndim == 1:
        task.launch(c, X)
@task.define
def c(X):
    task.launch(a, X)
    task.launch(c, X)
