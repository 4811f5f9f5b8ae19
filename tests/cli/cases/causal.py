"""Causal scores: S = mask(Q * K^T), only the blocks that reach below the diagonal are computed."""

import task_lang as task


@task.define(leaf=True)
def scores_logic(S, Q, K):
    task.call_primitive("gemm", S, Q, K, transpose_b=True)


@task.define(leaf=True)
def mask_logic(S, row: int, column: int):
    task.call_primitive("mask_causal", S, row, column, -1000.0)


@task.define(leaf=True)
def clear_logic(S):
    task.call_primitive("fill", S, -1000.0)


@task.define
def block_logic(S, Q, K, row: int, column: int):
    task.launch(scores_logic, S, Q, K)
    task.launch(mask_logic, S, row, column)


@task.define
def empty_logic(S):
    task.launch(clear_logic, S)


@task.define
def host_logic(S: task.f32["L", "L"], Q: task.Tensor["L", "D"], K: task.Tensor["L", "D"]):
    block = task.tunable("block")
    Sp = task.partition(S, by="blocks", shape=(block, block))
    Qp = task.partition(Q, by="blocks", shape=(block, D))
    Kp = task.partition(K, by="blocks", shape=(block, D))
    for i in task.parallel_range(Sp.shape[0]):
        for j in task.parallel_range(i + 1):
            task.launch(block_logic, Sp[i, j], Qp[i, 0], Kp[j, 0], i * block, j * block)
        for j in task.parallel_range(Sp.shape[0] - i - 1):
            task.launch(empty_logic, Sp[i, i + 1 + j])
