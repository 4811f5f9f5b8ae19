"""Matrix product C = A * B, block by block, with an explicit loop over K.

Sums are kept in an accumulator (f32; i32 for i8, f64 for f64) and rounded once, when a block of C is
stored. With `--dtype i8`, give C a type that holds the sums: `--dtype C=i32`.
"""

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
    """One block of C from a row of blocks of A and a column of blocks of B."""
    block_k = task.tunable("block_k")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], block_k))
    Bp = task.partition(B, by="blocks", shape=(block_k, B.shape[1]))
    acc = task.tensor(C.shape, "i32" if A.dtype == "i8" else "f64" if A.dtype == "f64" else "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply_leaf_logic, acc, Ap[0, k], Bp[k, 0])
    task.launch(store_leaf_logic, C, acc)


@task.define
def gemm_host_logic(C: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    """Cuts C into blocks; they are independent of each other."""
    block_m = task.tunable("block_m")
    block_n = task.tunable("block_n")
    Cp = task.partition(C, by="blocks", shape=(block_m, block_n))
    Ap = task.partition(A, by="blocks", shape=(block_m, K))
    Bp = task.partition(B, by="blocks", shape=(K, block_n))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(gemm_block_logic, Cp[i, j], Ap[i, :], Bp[:, j])
