"""Y = gelu(X + b): a bias for each column, then an activation, for the benchmark of row-wise loops."""

import task_lang as task


@task.define(leaf=True)
def activate(Y, X, b, E):
    task.call_primitive("add", E, X, b, axis=1)
    task.call_primitive("gelu", Y, E, approximate="tanh")


@task.define
def activation_block_logic(Y, X, b):
    E = task.tensor(X.shape, "f32")
    task.launch(activate, Y, X, b, E)


@task.define
def activation_host_logic(
    Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"], b: task.Tensor["N"]
):
    block_m = task.tunable("block_m")
    Yp = task.partition(Y, by="blocks", shape=(block_m, N))
    Xp = task.partition(X, by="blocks", shape=(block_m, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(activation_block_logic, Yp[i, 0], Xp[i, 0], b)
