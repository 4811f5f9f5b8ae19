"""Causal attention with the softmax brought up to date block by block."""

import task_lang as task


@task.define(leaf=True)
def start_logic(O, m, l):
    task.call_primitive("fill", O, 0.0)
    task.call_primitive("fill", m, -10000.0)
    task.call_primitive("fill", l, 0.0)


@task.define(leaf=True)
def scores_logic(S, Q, K, row: int, col: int):
    task.call_primitive("gemm", S, Q, K, transpose_b=True, alpha=0.25)
    task.call_primitive("mask_causal", S, row, col, -10000.0)


@task.define(leaf=True)
def online_logic(S, P, m, l, mn, scale, O):
    task.call_primitive("reduce_max", mn, S, axis=1)
    task.call_primitive("max", mn, mn, m)
    task.call_primitive("sub", scale, m, mn)
    task.call_primitive("exp", scale, scale)
    task.call_primitive("copy", m, mn)
    task.call_primitive("sub", S, S, mn, axis=0)
    task.call_primitive("exp", S, S)
    task.call_primitive("mul", l, l, scale)
    task.call_primitive("reduce_sum", l, S, axis=1, accumulate=True)
    task.call_primitive("mul", O, O, scale, axis=0)
    task.call_primitive("copy", P, S)


@task.define(leaf=True)
def values_logic(O, P, V):
    task.call_primitive("gemm", O, P, V, accumulate=True)


@task.define(leaf=True)
def finish_logic(Y, O, l):
    task.call_primitive("div", O, O, l, axis=0)
    task.call_primitive("copy", Y, O)


@task.define
def block_logic(Y, Q, K, V, i: int):
    b = task.tunable("block")
    O = task.tensor(Y.shape, "f32")
    m = task.tensor((Y.shape[0],), "f32")
    l = task.tensor((Y.shape[0],), "f32")
    Kp = task.partition(K, by="blocks", shape=(b, K.shape[1]))
    Vp = task.partition(V, by="blocks", shape=(b, V.shape[1]))
    task.launch(start_logic, O, m, l)
    for j in task.sequential_range(i + 1):
        S = task.tensor((Y.shape[0], Kp[j, 0].shape[0]), "f32")
        P = task.tensor(S.shape, Q.dtype)
        mn = task.tensor((Y.shape[0],), "f32")
        scale = task.tensor((Y.shape[0],), "f32")
        task.launch(scores_logic, S, Q, Kp[j, 0], i * b, j * b)
        task.launch(online_logic, S, P, m, l, mn, scale, O)
        task.launch(values_logic, O, P, Vp[j, 0])
    task.launch(finish_logic, Y, O, l)


@task.define
def host_logic(
    Y: task.Tensor["H", "L", "D"],
    Q: task.Tensor["H", "L", "D"],
    K: task.Tensor["H", "L", "D"],
    V: task.Tensor["H", "L", "D"],
):
    b = task.tunable("block")
    for h, i in task.parallel_range((H, task.ceildiv(L, b))):
        Yp = task.partition(Y[h], by="blocks", shape=(b, D))
        Qp = task.partition(Q[h], by="blocks", shape=(b, D))
        task.launch(block_logic, Yp[i, 0], Qp[i, 0], K[h], V[h], i)
