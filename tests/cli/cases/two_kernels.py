"""Y = (A * B)^T * A with the product in device memory between two kernels."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(C, A, B):
    task.call_primitive("gemm", C, A, B)


@task.define
def block_logic(C, A, B):
    task.launch(multiply_logic, C, A, B)


@task.define
def product_logic(C, A, B):
    Cp = task.partition(C, by="blocks", shape_from="C")
    Ap = task.partition(A, by="blocks", shape=(Cp[0, 0].shape[0], A.shape[1]))
    Bp = task.partition(B, by="blocks", shape=(B.shape[0], Cp[0, 0].shape[1]))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block_logic, Cp[i, j], Ap[i, :], Bp[:, j])


@task.define
def host_logic(Y: task.Tensor["N", "K"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    P = task.tensor((M, N), A.dtype)
    task.launch(product_logic, P, A, B)
    task.launch(product_logic, Y, P.T, A)
