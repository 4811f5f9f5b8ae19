"""C = A * B1 + A * B2: two products of one left factor in one accumulator."""

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
def gemm_block_logic(C, A, B1, B2):
    """One block of C; each part of A is used twice."""
    block_k = task.tunable("block_k")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], block_k))
    B1p = task.partition(B1, by="blocks", shape=(block_k, B1.shape[1]))
    B2p = task.partition(B2, by="blocks", shape=(block_k, B2.shape[1]))
    acc = task.tensor(C.shape, "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply_leaf_logic, acc, Ap[0, k], B1p[k, 0])
        task.launch(multiply_leaf_logic, acc, Ap[0, k], B2p[k, 0])
    task.launch(store_leaf_logic, C, acc)


@task.define
def gemm_host_logic(
    C: task.Tensor["M", "N"],
    A: task.Tensor["M", "K"],
    B1: task.Tensor["K", "N"],
    B2: task.Tensor["K", "N"],
):
    """Cuts C into blocks; they are independent of each other."""
    block_m = task.tunable("block_m")
    block_n = task.tunable("block_n")
    Cp = task.partition(C, by="blocks", shape=(block_m, block_n))
    Ap = task.partition(A, by="blocks", shape=(block_m, K))
    B1p = task.partition(B1, by="blocks", shape=(K, block_n))
    B2p = task.partition(B2, by="blocks", shape=(K, block_n))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(gemm_block_logic, Cp[i, j], Ap[i, :], B1p[:, j], B2p[:, j])
