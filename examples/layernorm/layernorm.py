"""Layer normalisation: Y = (X - mean) / sqrt(variance + eps) * gamma + beta, for each row.

The variance is the mean of squared distances from the mean, which is known by then: no difference
of large numbers. All sums are f32. A row may be longer than what fits on chip; it is then read once
for each of the three steps.
"""

import task_lang as task


@task.define(leaf=True)
def start(mean, variance):
    task.call_primitive("fill", mean, 0.0)
    task.call_primitive("fill", variance, 0.0)


@task.define(leaf=True)
def add_up(mean, X):
    task.call_primitive("reduce_sum", mean, X, axis=1, accumulate=True)


@task.define(leaf=True)
def divide(mean, N: int):
    task.call_primitive("mul", mean, mean, 1.0 / N)


@task.define(leaf=True)
def add_squares(variance, mean, X, E):
    task.call_primitive("sub", E, X, mean, axis=0)
    task.call_primitive("mul", E, E, E)
    task.call_primitive("reduce_sum", variance, E, axis=1, accumulate=True)


@task.define(leaf=True)
def root(variance, N: int, eps: float):
    """1 / sqrt(variance + eps), in place."""
    task.call_primitive("fma", variance, variance, 1.0 / N, eps)
    task.call_primitive("rsqrt", variance, variance)


@task.define(leaf=True)
def normalise(Y, X, gamma, beta, mean, scale, E):
    task.call_primitive("sub", E, X, mean, axis=0)
    task.call_primitive("mul", E, E, scale, axis=0)
    task.call_primitive("mul", E, E, gamma, axis=1)
    task.call_primitive("add", Y, E, beta, axis=1)


@task.define
def layernorm_block_logic(Y, X, gamma, beta, eps: float):
    """A few rows, by blocks of columns."""
    rows, N = X.shape
    block_n = task.tunable("block_n")
    Yp = task.partition(Y, by="blocks", shape=(rows, block_n))
    Xp = task.partition(X, by="blocks", shape=(rows, block_n))
    gp = task.partition(gamma, by="blocks", shape=(block_n,))
    bp = task.partition(beta, by="blocks", shape=(block_n,))
    wide = "f64" if X.dtype == "f64" else "f32"
    mean = task.tensor((rows,), wide)
    variance = task.tensor((rows,), wide)
    task.launch(start, mean, variance)
    for j in task.sequential_range(Xp.shape[1]):
        task.launch(add_up, mean, Xp[0, j])
    task.launch(divide, mean, N)
    for j in task.sequential_range(Xp.shape[1]):
        E = task.tensor(Xp[0, j].shape, wide)
        task.launch(add_squares, variance, mean, Xp[0, j], E)
    task.launch(root, variance, N, eps)
    for j in task.sequential_range(Xp.shape[1]):
        E = task.tensor(Xp[0, j].shape, wide)
        task.launch(normalise, Yp[0, j], Xp[0, j], gp[j], bp[j], mean, variance, E)


@task.define
def layernorm_host_logic(
    Y: task.Tensor["M", "N"],
    X: task.Tensor["M", "N"],
    gamma: task.Tensor["N"],
    beta: task.Tensor["N"],
    eps: float,
):
    """Cuts the matrix into blocks of rows; they are independent of each other."""
    block_m = task.tunable("block_m")
    Yp = task.partition(Y, by="blocks", shape=(block_m, N))
    Xp = task.partition(X, by="blocks", shape=(block_m, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(layernorm_block_logic, Yp[i, 0], Xp[i, 0], gamma, beta, eps)
