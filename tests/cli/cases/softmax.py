"""Softmax of each row."""

import task_lang as task


@task.define(leaf=True)
def softmax_logic(Y, X, top, total):
    task.call_primitive("reduce_max", top, X, axis=1)
    task.call_primitive("sub", Y, X, top, axis=0)
    task.call_primitive("exp", Y, Y)
    task.call_primitive("reduce_sum", total, Y, axis=1)
    task.call_primitive("div", Y, Y, total, axis=0)


@task.define
def block_logic(Y, X):
    top = task.tensor((X.shape[0],), "f32")
    total = task.tensor((X.shape[0],), "f32")
    task.launch(softmax_logic, Y, X, top, total)


@task.define
def host_logic(Y: task.f32["M", "N"], X: task.f32["M", "N"]):
    rows = task.tunable("rows")
    Yp = task.partition(Y, by="blocks", shape=(rows, N))
    Xp = task.partition(X, by="blocks", shape=(rows, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block_logic, Yp[i, 0], Xp[i, 0])
