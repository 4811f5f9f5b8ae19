"""C = A^T * B^T through views, and D = the transpose of C by a primitive."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(C, A, B):
    task.call_primitive("gemm", C, A.T, B.T)


@task.define
def block_logic(C, A, B):
    task.launch(multiply_logic, C, A, B)


@task.define(leaf=True)
def turn_logic(D, C):
    task.call_primitive("transpose", D, C)


@task.define
def turn_block_logic(D, C):
    task.launch(turn_logic, D, C)


@task.define
def host_logic(
    C: task.Tensor["M", "N"],
    D: task.Tensor["N", "M"],
    A: task.Tensor["K", "M"],
    B: task.Tensor["N", "K"],
):
    block = task.tunable("block")
    Ct = task.partition(C.T, by="blocks", shape=(block, block))
    Ap = task.partition(A, by="blocks", shape=(K, block))
    Bp = task.partition(B, by="blocks", shape=(block, K))
    for i, j in task.parallel_range((task.ceildiv(M, block), task.ceildiv(N, block))):
        task.launch(block_logic, Ct[j, i].T, Ap[0, i], Bp[j, 0])
    Cp = task.partition(C, by="blocks", shape=(block, block))
    Dp = task.partition(D, by="blocks", shape=(block, block))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(turn_block_logic, Dp[j, i], Cp[i, j])
