"""Softmax of each row: Y = exp(X - max) / sum(exp(X - max)).

Rows that fit into one block are loaded once. Longer ones are taken block by block, twice: first for
the largest element and the sum, which shrinks whenever a larger element turns up, then for Y.
"""

import task_lang as task


@task.define(leaf=True)
def whole_rows(Y, X, E, top, total):
    task.call_primitive("reduce_max", top, X, axis=1)
    task.call_primitive("sub", E, X, top, axis=0)
    task.call_primitive("exp", E, E)
    task.call_primitive("reduce_sum", total, E, axis=1)
    task.call_primitive("recip", total, total)
    task.call_primitive("mul", Y, E, total, axis=0)


@task.define(leaf=True)
def start(top, total):
    task.call_primitive("fill", top, -task.inf)
    task.call_primitive("fill", total, 0.0)


@task.define(leaf=True)
def add_up(top, total, shrink, X, E):
    task.call_primitive("copy", shrink, top)
    task.call_primitive("reduce_max", top, X, axis=1, accumulate=True)
    task.call_primitive("sub", shrink, shrink, top)
    task.call_primitive("exp", shrink, shrink)
    task.call_primitive("mul", total, total, shrink)
    task.call_primitive("sub", E, X, top, axis=0)
    task.call_primitive("exp", E, E)
    task.call_primitive("reduce_sum", total, E, axis=1, accumulate=True)


@task.define(leaf=True)
def logarithm(top, total):
    """top + log(total): dividing by the total is part of the exponent."""
    task.call_primitive("log", total, total)
    task.call_primitive("add", top, top, total)


@task.define(leaf=True)
def normalise(Y, X, E, top):
    task.call_primitive("sub", E, X, top, axis=0)
    task.call_primitive("exp", Y, E)


@task.define
def softmax_block_logic(Y, X):
    """A few rows."""
    rows, N = X.shape
    block_n = task.tunable("block_n")
    wide = "f64" if X.dtype == "f64" else "f32"
    top = task.tensor((rows,), wide)
    total = task.tensor((rows,), wide)
    if N <= block_n:
        E = task.tensor((rows, N), wide)
        task.launch(whole_rows, Y, X, E, top, total)
    else:
        Yp = task.partition(Y, by="blocks", shape=(rows, block_n))
        Xp = task.partition(X, by="blocks", shape=(rows, block_n))
        task.launch(start, top, total)
        for j in task.sequential_range(Xp.shape[1]):
            E = task.tensor(Xp[0, j].shape, wide)
            shrink = task.tensor((rows,), wide)
            task.launch(add_up, top, total, shrink, Xp[0, j], E)
        task.launch(logarithm, top, total)
        for j in task.sequential_range(Xp.shape[1]):
            E = task.tensor(Xp[0, j].shape, wide)
            task.launch(normalise, Yp[0, j], Xp[0, j], E, top)


@task.define
def softmax_host_logic(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    """Cuts the matrix into blocks of rows; they are independent of each other."""
    block_m = task.tunable("block_m")
    Yp = task.partition(Y, by="blocks", shape=(block_m, N))
    Xp = task.partition(X, by="blocks", shape=(block_m, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(softmax_block_logic, Yp[i, 0], Xp[i, 0])
