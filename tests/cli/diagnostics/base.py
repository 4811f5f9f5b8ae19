"""A product in blocks and a bias, for the cases beside it."""

import task_lang as task

SCALE = 0.5


@task.define(leaf=True)
def clear(acc):
    task.call_primitive("fill", acc, 0.0)


@task.define(leaf=True)
def multiply(acc, A, B):
    task.call_primitive("gemm", acc, A, B, accumulate=True, alpha=SCALE)


@task.define(leaf=True)
def add_bias(C, acc, bias):
    task.call_primitive("add", C, acc, bias, axis=1)


@task.define
def block(C, A, B, bias):
    bk = task.tunable("bk", 32)
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], bk))
    Bp = task.partition(B, by="blocks", shape=(bk, B.shape[1]))
    acc = task.tensor(C.shape, "f32")
    task.launch(clear, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply, acc, Ap[0, k], Bp[k, 0])
    task.launch(add_bias, C, acc, bias)


@task.define
def host(
    C: task.Tensor["M", "N"],
    A: task.Tensor["M", "K"],
    B: task.Tensor["K", "N"],
    bias: task.Tensor["N"],
):
    bm = task.tunable("bm")
    bn = task.tunable("bn")
    Cp = task.partition(C, by="blocks", shape=(bm, bn))
    Ap = task.partition(A, by="blocks", shape=(bm, K))
    Bp = task.partition(B, by="blocks", shape=(K, bn))
    biasp = task.partition(bias, by="blocks", shape=(bn,))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block, Cp[i, j], Ap[i, :], Bp[:, j], biasp[j])
