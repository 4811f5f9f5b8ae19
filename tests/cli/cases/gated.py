"""Gated residual update Y = X + sigmoid(X * G + g) * tanh(X * U + u)."""

import task_lang as task


@task.define(leaf=True)
def clear(gate, update):
    task.call_primitive("fill", gate, 0.0)
    task.call_primitive("fill", update, 0.0)


@task.define(leaf=True)
def multiply(gate, update, X, G, U):
    task.call_primitive("gemm", gate, X, G, accumulate=True)
    task.call_primitive("gemm", update, X, U, accumulate=True)


@task.define(leaf=True)
def finish(Y, X, gate, update, g, u):
    task.call_primitive("add", gate, gate, g, axis=1)
    task.call_primitive("sigmoid", gate, gate)
    task.call_primitive("add", update, update, u, axis=1)
    task.call_primitive("tanh", update, update)
    task.call_primitive("fma", Y, gate, update, X)


@task.define
def block_logic(Y, Xr, X, G, U, g, u):
    b = task.tunable("block_k")
    Xp = task.partition(Xr, by="blocks", shape=(Xr.shape[0], b))
    Gp = task.partition(G, by="blocks", shape=(b, G.shape[1]))
    Up = task.partition(U, by="blocks", shape=(b, U.shape[1]))
    gate = task.tensor(Y.shape, "f32")
    update = task.tensor(Y.shape, "f32")
    task.launch(clear, gate, update)
    for k in task.sequential_range(Xp.shape[1]):
        task.launch(multiply, gate, update, Xp[0, k], Gp[k, 0], Up[k, 0])
    task.launch(finish, Y, X, gate, update, g, u)


@task.define
def host_logic(
    Y: task.Tensor["M", "N"],
    X: task.Tensor["M", "N"],
    G: task.Tensor["N", "N"],
    U: task.Tensor["N", "N"],
    g: task.f32["N"],
    u: task.f32["N"],
):
    b = task.tunable("block")
    Yp = task.partition(Y, by="blocks", shape=(b, b))
    Xp = task.partition(X, by="blocks", shape=(b, b))
    Gp = task.partition(G, by="blocks", shape=(N, b))
    Up = task.partition(U, by="blocks", shape=(N, b))
    gp = task.partition(g, by="blocks", shape=(b,))
    up = task.partition(u, by="blocks", shape=(b,))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(block_logic, Yp[i, j], Xp[i, :], Xp[i, j], Gp[0, j], Up[0, j], gp[j], up[j])
