import task_lang as task
X = 1
@task.define
def f(A, A, task, X, n: task.i, m: str, T: task.Tensor[M, 0, "1x", 1 + 2, "K", -1, ()], K: "int"): pass
@task.define
def g(A=1, B: task.f16["M"] = None): pass
@task.define
def h(*args, **kwargs): pass
@task.define
def i(A, /, B): pass
@task.define
def j(A) -> None: pass
@other
def k(A): pass
@task.define(leaf=1)
def l(A): pass
@task.define(True, root=True)
def m(A): pass
@task.define
@task.define
def n(A): pass
@task.define
X = 2
@task.define
def task(A): pass
@task.define
def n(A): pass
@task.define
def X(A): pass
@task.define
def o(A: task.Tensor["A", "X", "task", "n", "K"], K: task.f32["S", "K"]): pass
@task.define
def p(A: task.Tensor[]): pass
@task.define
def class(A): pass
@task.define
def q(A
@task.define
def r(A) pass
@task.define
def s(A: task.f16["M", "N"], N: task.float16["M"], 3):
    x = unknown
