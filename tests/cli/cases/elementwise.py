"""Y = relu((X * row + column) * gain), a chain that stays on the core."""

import task_lang as task


@task.define(leaf=True)
def scale_logic(T, X, row):
    task.call_primitive("mul", T, X, row, axis=0)


@task.define(leaf=True)
def shift_logic(T, column, gain: float):
    task.call_primitive("add", T, T, column, axis=1)
    task.call_primitive("mul", T, T, gain)


@task.define(leaf=True)
def finish_logic(Y, T):
    task.call_primitive("relu", Y, T)


@task.define
def block_logic(Y, X, row, column, gain: float):
    T = task.tensor(X.shape, "f32")
    task.launch(scale_logic, T, X, row)
    task.launch(shift_logic, T, column, gain)
    task.launch(finish_logic, Y, T)


@task.define
def host_logic(
    Y: task.Tensor["M", "N"],
    X: task.Tensor["M", "N"],
    row: task.Tensor["M"],
    column: task.Tensor["N"],
    gain: float,
):
    block_m = task.tunable("block_m")
    block_n = task.tunable("block_n")
    Yp = task.partition(Y, by="blocks", shape=(block_m, block_n))
    Xp = task.partition(X, by="blocks", shape=(block_m, block_n))
    rp = task.partition(row, by="blocks", shape=(block_m,))
    cp = task.partition(column, by="blocks", shape=(block_n,))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(block_logic, Yp[i, j], Xp[i, j], rp[i], cp[j], gain)
