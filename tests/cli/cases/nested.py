"""Panels of A wait in SHARED whole; inside, blocks of C are taken one after the other."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(C, A, B):
    task.call_primitive("gemm", C, A, B)


@task.define(leaf=True)
def bias_logic(C, bias):
    task.call_primitive("add", C, C, bias, axis=1)


@task.define
def tile_logic(C, A, B, bias):
    task.launch(multiply_logic, C, A, B)
    task.launch(bias_logic, C, bias)


@task.define
def panel_logic(C, A, B, bias):
    width = task.tunable("width")
    Cp = task.partition(C, by="blocks", shape=(C.shape[0], width))
    Bp = task.partition(B, by="blocks", shape=(B.shape[0], width))
    bp = task.partition(bias, by="blocks", shape=(width,))
    for j in task.sequential_range(Cp.shape[1]):
        task.launch(tile_logic, Cp[0, j], A, Bp[0, j], bp[j])


@task.define
def host_logic(
    C: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"], bias: task.f32["N"]
):
    height = task.tunable("height")
    Cp = task.partition(C, by="blocks", shape=(height, N))
    Ap = task.partition(A, by="blocks", shape=(height, K))
    for i in task.parallel_range(Cp.shape[0]):
        task.launch(panel_logic, Cp[i, 0], Ap[i, 0], B, bias)
