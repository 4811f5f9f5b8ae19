"""R[r, j] is the largest element of row r up to the end of column block j; P says where it grew."""

import task_lang as task


@task.define(leaf=True)
def start(top):
    task.call_primitive("fill", top, -task.inf)


@task.define(leaf=True)
def step(R, P, X, top, before):
    task.call_primitive("copy", before, top)
    task.call_primitive("reduce_max", top, X, axis=1, accumulate=True)
    task.call_primitive("sub", before, top, before)
    task.call_primitive("min", P, before, 1.0)
    task.call_primitive("copy", R, top)


@task.define
def block_logic(R, P, X, width: int):
    Xp = task.partition(X, by="blocks", shape=(X.shape[0], width))
    top = task.tensor((X.shape[0],), "f32")
    task.launch(start, top)
    for j in task.sequential_range(Xp.shape[1]):
        before = task.tensor((X.shape[0],), "f32")
        task.launch(step, R[:, j], P[:, j], Xp[0, j], top, before)


@task.define
def host_logic(
    R: task.Tensor["M", "J"], P: task.Tensor["M", "J"], X: task.Tensor["M", "N"], width: int
):
    assert J == task.ceildiv(N, width), "R and P have a column for every block"
    b = task.tunable("rows")
    Rp = task.partition(R, by="blocks", shape=(b, J))
    Pp = task.partition(P, by="blocks", shape=(b, J))
    Xp = task.partition(X, by="blocks", shape=(b, N))
    for i in task.parallel_range(Xp.shape[0]):
        task.launch(block_logic, Rp[i, 0], Pp[i, 0], Xp[i, 0], width)
