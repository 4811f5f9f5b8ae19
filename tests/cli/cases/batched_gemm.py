"""Products of many small matrices; the batch is dropped by subscripts."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(C, A, B):
    task.call_primitive("gemm", C, A, B)


@task.define
def block_logic(C, A, B):
    task.launch(multiply_logic, C, A, B)


@task.define
def host_logic(
    C: task.Tensor["H", "M", "N"], A: task.Tensor["H", "M", "K"], B: task.Tensor["G", "K", "N"]
):
    """Groups of H // G heads share one B."""
    block_m = task.tunable("block_m")
    for h, i in task.parallel_range((H, task.ceildiv(M, block_m))):
        Ch = task.partition(C[h], by="blocks", shape=(block_m, N))
        Ah = task.partition(A[h], by="blocks", shape=(block_m, K))
        task.launch(block_logic, Ch[i, 0], Ah[i, 0], B[h // (H // G)])
