"""Even blocks are doubled, the last is negated, the others copied; steps run one after the other."""

import task_lang as task

ROWS = 4


@task.define(leaf=True)
def double_logic(Y, X):
    task.call_primitive("add", Y, X, X)


@task.define(leaf=True)
def negate_logic(Y, X):
    task.call_primitive("neg", Y, X)


@task.define(leaf=True)
def scale_logic(Y, X, factor: int):
    task.call_primitive("mul", Y, X, factor)


@task.define
def block_logic(Y, X, i: int, last: int, factor: int, flip: bool):
    if i == last and flip:
        task.launch(negate_logic, Y, X)
    elif i % 2 == 0:
        task.launch(double_logic, Y, X)
    else:
        task.launch(scale_logic, Y, X, factor)


@task.define
def host_logic(
    Y: task.Tensor["S", "M", "N"], X: task.Tensor["M", "N"], factor: int, flip: bool
):
    blocks = task.ceildiv(M, ROWS)
    for s in task.sequential_range(S):
        Yp = task.partition(Y[s], by="blocks", shape=(ROWS, N))
        Xp = task.partition(X, by="blocks", shape=(ROWS, N))
        for i in task.parallel_range(blocks):
            task.launch(block_logic, Yp[i, 0], Xp[i, 0], i, blocks - 1, factor, flip)
