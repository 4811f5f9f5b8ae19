"""Y = X + sigmoid(X W + b) * (X V): a scheduled loop over columns that launches one over k."""

import task_lang as task


@task.define(leaf=True)
def clear(acc):
    task.call_primitive("fill", acc, 0)


@task.define(leaf=True)
def gate_product(acc, X, W):
    task.call_primitive("gemm", acc, X, W, accumulate=True)


@task.define(leaf=True)
def value_product(acc, X, V):
    task.call_primitive("gemm", acc, X, V, accumulate=True)


@task.define(leaf=True)
def finish(Y, G, H, R, b):
    task.call_primitive("add", G, G, b, axis=1)
    task.call_primitive("sigmoid", G, G)
    task.call_primitive("fma", Y, G, H, R)


@task.define
def products(G, H, X, W, V):
    block_k = task.tunable("block_k")
    Xp = task.partition(X, by="blocks", shape=(X.shape[0], block_k))
    Wp = task.partition(W, by="blocks", shape=(block_k, W.shape[1]))
    Vp = task.partition(V, by="blocks", shape=(block_k, V.shape[1]))
    task.launch(clear, G)
    task.launch(clear, H)
    for k in task.sequential_range(Xp.shape[1]):
        task.launch(gate_product, G, Xp[0, k], Wp[k, 0])
        task.launch(value_product, H, Xp[0, k], Vp[k, 0])


@task.define
def rows(Y, X, W, V, b):
    block_n = task.tunable("block_n")
    Yp = task.partition(Y, by="blocks", shape=(Y.shape[0], block_n))
    Rp = task.partition(X, by="blocks", shape=(X.shape[0], block_n))
    Wp = task.partition(W, by="blocks", shape=(W.shape[0], block_n))
    Vp = task.partition(V, by="blocks", shape=(V.shape[0], block_n))
    bp = task.partition(b, by="blocks", shape=(block_n,))
    for j in task.sequential_range(Yp.shape[1]):
        G = task.tensor(Yp[0, j].shape, "f32")
        H = task.tensor(Yp[0, j].shape, "f32")
        unused = task.tensor((4,), "f32")
        task.launch(products, G, H, X, Wp[0, j], Vp[0, j])
        task.launch(finish, Yp[0, j], G, H, Rp[0, j], bp[j])


@task.define
def two_schedules(
    Y: task.Tensor["M", "N"],
    X: task.Tensor["M", "N"],
    W: task.Tensor["N", "N"],
    V: task.Tensor["N", "N"],
    b: task.Tensor["N"],
):
    block_m = task.tunable("block_m")
    Yp = task.partition(Y, by="blocks", shape=(block_m, N))
    Xp = task.partition(X, by="blocks", shape=(block_m, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(rows, Yp[i, 0], Xp[i, 0], W, V, b)
