"""Steps that each read the rows of the step before, in reverse order of blocks."""

import task_lang as task

ROWS = 4


@task.define(leaf=True)
def mean_logic(Y, X, Z):
    task.call_primitive("add", Y, X, Z)
    task.call_primitive("mul", Y, Y, 0.5)


@task.define
def block_logic(Y, X, Z):
    task.launch(mean_logic, Y, X, Z)


@task.define
def host_logic(W: task.f32["T", "M", "N"], X: task.f32["M", "N"]):
    assert M % ROWS == 0, "whole blocks only"
    blocks = M // ROWS
    Xp = task.partition(X, by="blocks", shape=(ROWS, N))
    first = task.partition(W[0], by="blocks", shape=(ROWS, N))
    for i in task.parallel_range(blocks):
        task.launch(block_logic, first[i, 0], Xp[i, 0], Xp[blocks - 1 - i, 0])
    for t in task.sequential_range(1, T):
        now = task.partition(W[t], by="blocks", shape=(ROWS, N))
        before = task.partition(W[t - 1], by="blocks", shape=(ROWS, N))
        for i in task.parallel_range(blocks):
            task.launch(block_logic, now[i, 0], before[i, 0], before[blocks - 1 - i, 0])
