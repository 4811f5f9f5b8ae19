"""C = A * B for a band matrix A: `below` diagonals below the main one and `above` above it count."""

import task_lang as task


@task.define(leaf=True)
def clear(acc):
    task.call_primitive("fill", acc, 0.0)


@task.define(leaf=True)
def multiply(acc, A, B, T, row: int, column: int, below: int, above: int):
    task.call_primitive("copy", T, A)
    task.call_primitive("mask_window", T, row, column, below, above, 0.0)
    task.call_primitive("gemm", acc, T, B, accumulate=True)


@task.define(leaf=True)
def store(C, acc):
    task.call_primitive("copy", C, acc)


@task.define
def block_logic(C, A, B, i: int, below: int, above: int):
    b = task.tunable("block")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], b))
    Bp = task.partition(B, by="blocks", shape=(b, B.shape[1]))
    acc = task.tensor(C.shape, "f32")
    task.launch(clear, acc)
    first = max(0, i * b - below) // b
    last = min(Bp.shape[0], (i * b + b - 1 + above) // b + 1)
    for k in task.sequential_range(first, last):
        T = task.tensor(Ap[0, k].shape, A.dtype)
        task.launch(multiply, acc, Ap[0, k], Bp[k, 0], T, i * b, k * b, below, above)
    task.launch(store, C, acc)


@task.define
def host_logic(
    C: task.Tensor["M", "N"],
    A: task.Tensor["M", "M"],
    B: task.Tensor["M", "N"],
    below: int,
    above: int,
):
    assert below >= 0 and above >= 0, "the main diagonal is part of the band"
    b = task.tunable("block")
    Cp = task.partition(C, by="blocks", shape=(b, b))
    Ap = task.partition(A, by="blocks", shape=(b, M))
    Bp = task.partition(B, by="blocks", shape=(M, b))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block_logic, Cp[i, j], Ap[i, 0], Bp[0, j], i, below, above)
