"""C = 0.5 * A^T * B^T + C, cut into blocks of C; A and B are stored transposed."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(C, A, B):
    task.call_primitive(
        "gemm", C, A, B, transpose_a=True, transpose_b=True, accumulate=True, alpha=0.5
    )


@task.define
def block_logic(C, A, B):
    task.launch(multiply_logic, C, A, B)


@task.define
def host_logic(
    C: task.Tensor["M", "N"], A: task.Tensor["K", "M"], B: task.Tensor["N", "K"]
):
    block = task.tunable("block")
    Cp = task.partition(C, by="blocks", shape=(block, block))
    Ap = task.partition(A, by="blocks", shape=(K, block))
    Bp = task.partition(B, by="blocks", shape=(block, K))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block_logic, Cp[i, j], Ap[:, i], Bp[j, :])
