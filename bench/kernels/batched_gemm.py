"""Products of pairs of matrices, block by block: C[h] = A[h] * B[h]."""

import task_lang as task


@task.define(leaf=True)
def clear_leaf_logic(acc):
    task.call_primitive("fill", acc, 0)


@task.define(leaf=True)
def multiply_leaf_logic(acc, A, B):
    task.call_primitive("gemm", acc, A, B, accumulate=True)


@task.define(leaf=True)
def store_leaf_logic(C, acc):
    task.call_primitive("copy", C, acc)


@task.define
def gemm_block_logic(C, A, B):
    """One block of one product."""
    block_k = task.tunable("block_k")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], block_k))
    Bp = task.partition(B, by="blocks", shape=(block_k, B.shape[1]))
    acc = task.tensor(C.shape, "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply_leaf_logic, acc, Ap[0, k], Bp[k, 0])
    task.launch(store_leaf_logic, C, acc)


@task.define
def gemm_host_logic(
    C: task.Tensor["H", "M", "N"], A: task.Tensor["H", "M", "K"], B: task.Tensor["H", "K", "N"]
):
    """Cuts each C into blocks; they are independent of each other."""
    block_m = task.tunable("block_m")
    block_n = task.tunable("block_n")
    for h, i, j in task.parallel_range((H, task.ceildiv(M, block_m), task.ceildiv(N, block_n))):
        Cp = task.partition(C[h], by="blocks", shape=(block_m, block_n))
        Ap = task.partition(A[h], by="blocks", shape=(block_m, K))
        Bp = task.partition(B[h], by="blocks", shape=(K, block_n))
        task.launch(gemm_block_logic, Cp[i, j], Ap[i, :], Bp[:, j])
