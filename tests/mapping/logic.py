"""A blocked product, for the tests of mapping files."""

import task_lang as task


@task.define(leaf=True)
def gemm_leaf(C, A, B):
    task.call_primitive("gemm", C, A, B, accumulate=True)


@task.define(leaf=True)
def clear_leaf(C):
    task.call_primitive("fill", C, 0.0)


@task.define(leaf=True)
def store_leaf(C, acc):
    task.call_primitive("copy", C, acc)


@task.define
def block(C, A, B):
    block_k = task.tunable("block_k")
    acc = task.tensor(C.shape, "f32")
    task.launch(clear_leaf, acc)
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], block_k))
    Bp = task.partition(B, by="blocks", shape=(block_k, B.shape[1]))
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(gemm_leaf, acc, Ap[0, k], Bp[k, 0])
        task.launch(gemm_leaf, acc, Ap[0, k], Bp[k, 0])
    task.launch(store_leaf, C, acc)


@task.define
def host(
    C: task.Tensor["M", "N"],
    A: task.Tensor["M", "K"],
    B: task.Tensor["K", "N"],
    alpha: float,
):
    shape = (task.tunable("block_m"), task.tunable("block_n", 64))
    Cp = task.partition(C, by="blocks", shape=shape)
    Ap = task.partition(A, by="blocks", shape=(shape[0], A.shape[1]))
    Bp = task.partition(B, by="blocks", shape=(B.shape[0], shape[1]))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block, Cp[i, j], Ap[i, :], Bp[:, j])


@task.define
def outer(C, A, B):
    task.launch(host, C, A, B, 1.0)
