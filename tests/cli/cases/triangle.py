"""Row block i of Y is the sum of the row blocks of X before it: a scan of blocks, one a processor.

The first has nothing before it: its loop runs no time."""

import task_lang as task

ROWS = 4


@task.define(leaf=True)
def clear_logic(Y):
    task.call_primitive("fill", Y, 0.0)


@task.define(leaf=True)
def add_logic(Y, X):
    task.call_primitive("add", Y, Y, X)


@task.define
def block_logic(Y, X, i: int):
    task.launch(clear_logic, Y)
    for j in task.sequential_range(i):
        task.launch(add_logic, Y, X[j * Y.shape[0] : (j + 1) * Y.shape[0], :])


@task.define
def host_logic(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    assert M % ROWS == 0, "whole blocks only"
    Yp = task.partition(Y, by="blocks", shape=(ROWS, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block_logic, Yp[i, 0], X, i)
