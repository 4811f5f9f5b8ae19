import task_lang as task
BLOCK = 64
EARLY = LATER
LATER = task.tunable("x")
LATER = f
OTHER = task.launch(f, 1)
@task.define
def f(A: task.Tensor["M", "N"], n: int):
    x = BLOK
    x = y
    y = 1
    x = f32
    x = inf
    x = ceildiv(1, 2)
    x = task
    x = f
    x = g(A)
    x = range(3)
    x = len(A)
    x = foo(A)
    x = task.sqroot(2)
    x = task.in
    x = task.infty
    x = task.sqrt
    x = task.define(leaf=True)
    x = task.parallel_range(3)
    x = task.launch(g, A)
    x = task.call_primitive("gemm", A, A, A)
    x = A.shap + A.dtyp
    for i, j in task.parallel_range(A.shape):
        inner = i
        i = 2
        x = j
    x = i
    x = inner
    n = 3
    A = 4
    M = 5
    BLOCK = 6
    f = 7
    task = 8
    for x in task.sequential_range(3):
        pass
    for n in task.sequential_range(3):
        for k in task.sequential_range(n):
            for k in task.sequential_range(k):
                pass
    a, a = 1, 2
    a, b, c = 1, 2
    for i in A:
        pass
    for i in range(3):
        pass
    for i, j in task.parallel_range(1, 2, 3):
        pass
    for i in task.parallel_range(1, 2):
        pass
    for i in task.sequential_range(1, 2, 3):
        pass
    for i in task.sequential_range():
        pass
    for i, j in task.parallel_range((1, 2, 3)):
        pass
    for i in task.parallel_range(n, step=2):
        pass
    undefined_here
@task.define
def g(A):
    if A.ndim == 2:
        z = 1
    x = z + M + n
@task.define
def min(max):
    max = 1
