import task_lang as task
A = 
B = 1 +
C = 1 if 2
D = (1 2)
E = 1 2
F: int = 3
A += 1
G = H = 2
a, b = 1, 2
f(A)
if A:
    x = 1
for i in A:
    pass
class = 3
@task.define
def f(X, Y: task.Tensor["M"]):
    x = 1; y = 2
    x += 1
    x //= 2
    x: int = 3
    x = y = 4
    x := 3
    X[0] = 1
    X.shape = 2
    3 = x
    *x, y = X.shape
    a, (b, c) = 1, 2
    x =
    else:
        pass
    if x = 3:
        pass
    if (x := 3):
        pass
    for i in task.sequential_range(3):
        pass
    else:
        pass
    assert (x, "message")
    assert x, y
    assert x, "one" "two"
    z = [i for i in x]
    z = {1: 2}
    z = X[...]
    z = X[1:2:3]
    z = X[]
    z = X.sum()
    z = X[0](1)
    z = task.tensor(shape=x, 1)
    z = task.tensor(*x)
    z = lambda q: q
    z = yield
    z = X @ X
    z = X & X
    z = ~x
    z = x is None
    z = x not in X
    z = x in X
    z = 1 << 2 >> 3
    z = x.class
    lambda = 3
    for None in task.sequential_range(2): pass
    if x: if y: pass
    for *i, j in task.parallel_range(2, 3):
        pass
    task.launch(f, X, Y
    @task.define
    def nested(A):
        pass
    def other(A):
        return A
    "not a docstring"
    x
    x == 1
    min(x, 1)
    task.sqrt(x)
