"""Operations of the vector unit that the other cases leave out, down columns too."""

import task_lang as task


@task.define(leaf=True)
def work_logic(Y, Z, R, X, T, pos):
    task.call_primitive("reduce_sum", R, X, axis=0)
    task.call_primitive("add", T, X, R, axis=1)
    task.call_primitive("clamp", T, T, -1.0, 2.0)
    task.call_primitive("iota", pos, 1, start=3, step=2)
    task.call_primitive("select", Y, T, X, pos)
    task.call_primitive("reduce_min", R, Y, axis=0)
    task.call_primitive("fma", Z, X, Y, 0.5)
    task.call_primitive("sigmoid", Z, Z)


@task.define
def block_logic(Y, Z, X):
    T = task.tensor(X.shape, X.dtype)
    pos = task.tensor(X.shape, X.dtype)
    R = task.tensor((X.shape[1],), X.dtype)
    task.launch(work_logic, Y, Z, R, X, T, pos)


@task.define
def host_logic(Y: task.Tensor["M", "N"], Z: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    for i in task.parallel_range(task.ceildiv(N, 8)):
        Yp = task.partition(Y, by="blocks", shape=(M, 8))
        Zp = task.partition(Z, by="blocks", shape=(M, 8))
        Xp = task.partition(X, by="blocks", shape=(M, 8))
        task.launch(block_logic, Yp[0, i], Zp[0, i], Xp[0, i])
