"""Mean and variance of each column, in two kernels: the second needs all of the first."""

import task_lang as task


@task.define(leaf=True)
def zero(total):
    task.call_primitive("fill", total, 0.0)


@task.define(leaf=True)
def add_up(total, X):
    task.call_primitive("reduce_sum", total, X, axis=0, accumulate=True)


@task.define(leaf=True)
def add_squares(total, X, mean, E):
    task.call_primitive("sub", E, X, mean, axis=1)
    task.call_primitive("mul", E, E, E)
    task.call_primitive("reduce_sum", total, E, axis=0, accumulate=True)


@task.define(leaf=True)
def divide(Y, total, M: int):
    task.call_primitive("mul", Y, total, 1.0 / M)


@task.define
def mean_logic(mean, X):
    rows = task.tunable("rows")
    Xp = task.partition(X, by="blocks", shape=(rows, X.shape[1]))
    total = task.tensor(mean.shape, "f32")
    task.launch(zero, total)
    for i in task.sequential_range(Xp.shape[0]):
        task.launch(add_up, total, Xp[i, 0])
    task.launch(divide, mean, total, X.shape[0])


@task.define
def variance_logic(V, mean, X):
    rows = task.tunable("rows")
    Xp = task.partition(X, by="blocks", shape=(rows, X.shape[1]))
    total = task.tensor(V.shape, "f32")
    task.launch(zero, total)
    for i in task.sequential_range(Xp.shape[0]):
        E = task.tensor(Xp[i, 0].shape, "f32")
        task.launch(add_squares, total, Xp[i, 0], mean, E)
    task.launch(divide, V, total, X.shape[0])


@task.define
def host_logic(V: task.Tensor["N"], X: task.Tensor["M", "N"]):
    mean = task.tensor((N,), "f32")
    Xp = task.partition(X, by="blocks", shape=(M, task.tunable("first")))
    mp = task.partition(mean, by="blocks", shape=(task.tunable("first"),))
    for j in task.parallel_range(mp.shape[0]):
        task.launch(mean_logic, mp[j], Xp[0, j])
    Xq = task.partition(X, by="blocks", shape=(M, task.tunable("second")))
    mq = task.partition(mean, by="blocks", shape=(task.tunable("second"),))
    Vq = task.partition(V, by="blocks", shape=(task.tunable("second"),))
    for j in task.parallel_range(mq.shape[0]):
        task.launch(variance_logic, Vq[j], mq[j], Xq[0, j])
