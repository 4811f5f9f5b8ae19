"""C = gelu(A * B + bias) + R with all of it behind the products: two operands that come late."""

import task_lang as task


@task.define(leaf=True)
def clear_leaf_logic(acc):
    task.call_primitive("fill", acc, 0)


@task.define(leaf=True)
def multiply_leaf_logic(acc, A, B):
    task.call_primitive("gemm", acc, A, B, accumulate=True)


@task.define(leaf=True)
def finish_leaf_logic(acc, bias, R, residual: bool):
    task.call_primitive("add", acc, acc, bias, axis=1)
    task.call_primitive("gelu", acc, acc)
    if residual:
        task.call_primitive("add", acc, acc, R)


@task.define(leaf=True)
def store_leaf_logic(C, acc):
    task.call_primitive("copy", C, acc)


@task.define
def block_logic(C, A, B, bias, R, residual: bool):
    """One block of C."""
    block_k = task.tunable("block_k")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], block_k))
    Bp = task.partition(B, by="blocks", shape=(block_k, B.shape[1]))
    acc = task.tensor(C.shape, "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply_leaf_logic, acc, Ap[0, k], Bp[k, 0])
    task.launch(finish_leaf_logic, acc, bias, R, residual)
    task.launch(store_leaf_logic, C, acc)


@task.define
def host_logic(
    C: task.Tensor["M", "N"],
    A: task.Tensor["M", "K"],
    B: task.Tensor["K", "N"],
    bias: task.Tensor["N"],
    R: task.Tensor["M", "N"],
    residual: bool,
):
    """Cuts C into blocks; they are independent of each other."""
    block_m = task.tunable("block_m")
    block_n = task.tunable("block_n")
    Cp = task.partition(C, by="blocks", shape=(block_m, block_n))
    Ap = task.partition(A, by="blocks", shape=(block_m, K))
    Bp = task.partition(B, by="blocks", shape=(K, block_n))
    bp = task.partition(bias, by="blocks", shape=(block_n,))
    Rp = task.partition(R, by="blocks", shape=(block_m, block_n))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block_logic, Cp[i, j], Ap[i, :], Bp[:, j], bp[j], Rp[i, j], residual)
