"""Cosine similarity of every row of A with every row of B."""

import task_lang as task


@task.define(leaf=True)
def start(acc, a2, b2):
    task.call_primitive("fill", acc, 0.0)
    task.call_primitive("fill", a2, 0.0)
    task.call_primitive("fill", b2, 0.0)


@task.define(leaf=True)
def products(acc, A, B):
    task.call_primitive("gemm", acc, A, B, transpose_b=True, accumulate=True)


@task.define(leaf=True)
def squares(norm2, X, E):
    task.call_primitive("mul", E, X, X)
    task.call_primitive("reduce_sum", norm2, E, axis=1, accumulate=True)


@task.define(leaf=True)
def scale(S, acc, a2, b2, tiny: float):
    task.call_primitive("max", a2, a2, tiny)
    task.call_primitive("max", b2, b2, tiny)
    task.call_primitive("rsqrt", a2, a2)
    task.call_primitive("rsqrt", b2, b2)
    task.call_primitive("mul", acc, acc, a2, axis=0)
    task.call_primitive("mul", S, acc, b2, axis=1)


@task.define
def block_logic(S, A, B):
    block_k = task.tunable("block_k")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], block_k))
    Bp = task.partition(B, by="blocks", shape=(B.shape[0], block_k))
    acc = task.tensor(S.shape, "f32")
    a2 = task.tensor((A.shape[0],), "f32")
    b2 = task.tensor((B.shape[0],), "f32")
    task.launch(start, acc, a2, b2)
    for k in task.sequential_range(Ap.shape[1]):
        Ea = task.tensor(Ap[0, k].shape, "f32")
        Eb = task.tensor(Bp[0, k].shape, "f32")
        task.launch(products, acc, Ap[0, k], Bp[0, k])
        task.launch(squares, a2, Ap[0, k], Ea)
        task.launch(squares, b2, Bp[0, k], Eb)
    task.launch(scale, S, acc, a2, b2, 1e-12)


@task.define
def host_logic(S: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["N", "K"]):
    block = task.tunable("block")
    Sp = task.partition(S, by="blocks", shape=(block, block))
    Ap = task.partition(A, by="blocks", shape=(block, K))
    Bp = task.partition(B, by="blocks", shape=(block, K))
    for i, j in task.parallel_range(Sp.shape):
        task.launch(block_logic, Sp[i, j], Ap[i, 0], Bp[j, 0])
