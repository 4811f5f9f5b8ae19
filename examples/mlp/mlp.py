"""A perceptron of two layers: Y = gelu(X * W1 + b1) * W2 + b2.

Each block of a layer is summed in f32, gets its bias and, in the first layer, its gelu there, and
is rounded once, when it is stored.
"""

import task_lang as task


@task.define(leaf=True)
def clear_leaf_logic(acc):
    task.call_primitive("fill", acc, 0.0)


@task.define(leaf=True)
def multiply_leaf_logic(acc, X, W):
    task.call_primitive("gemm", acc, X, W, accumulate=True)


@task.define(leaf=True)
def bias_leaf_logic(acc, b):
    task.call_primitive("add", acc, acc, b, axis=1)


@task.define(leaf=True)
def gelu_leaf_logic(acc):
    task.call_primitive("gelu", acc, acc)


@task.define(leaf=True)
def store_leaf_logic(Y, acc):
    task.call_primitive("copy", Y, acc)


@task.define
def hidden_block_logic(H, X, W, b):
    """One block of gelu(X * W + b)."""
    block_k = task.tunable("block_k")
    Xp = task.partition(X, by="blocks", shape=(X.shape[0], block_k))
    Wp = task.partition(W, by="blocks", shape=(block_k, W.shape[1]))
    acc = task.tensor(H.shape, "f64" if X.dtype == "f64" else "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Xp.shape[1]):
        task.launch(multiply_leaf_logic, acc, Xp[0, k], Wp[k, 0])
    task.launch(bias_leaf_logic, acc, b)
    task.launch(gelu_leaf_logic, acc)
    task.launch(store_leaf_logic, H, acc)


@task.define
def output_block_logic(Y, H, W, b):
    """One block of H * W + b."""
    block_k = task.tunable("block_k")
    Hp = task.partition(H, by="blocks", shape=(H.shape[0], block_k))
    Wp = task.partition(W, by="blocks", shape=(block_k, W.shape[1]))
    acc = task.tensor(Y.shape, "f64" if H.dtype == "f64" else "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Hp.shape[1]):
        task.launch(multiply_leaf_logic, acc, Hp[0, k], Wp[k, 0])
    task.launch(bias_leaf_logic, acc, b)
    task.launch(store_leaf_logic, Y, acc)


@task.define
def mlp_host_logic(
    Y: task.Tensor["M", "N"],
    X: task.Tensor["M", "K"],
    W1: task.Tensor["K", "F"],
    b1: task.Tensor["F"],
    W2: task.Tensor["F", "N"],
    b2: task.Tensor["N"],
):
    """Both layers, one after the other, each cut into independent blocks."""
    block_m = task.tunable("block_m")
    block_n = task.tunable("block_n")
    H = task.tensor((M, F), X.dtype)

    Hp = task.partition(H, by="blocks", shape=(block_m, block_n))
    Xp = task.partition(X, by="blocks", shape=(block_m, K))
    W1p = task.partition(W1, by="blocks", shape=(K, block_n))
    b1p = task.partition(b1, by="blocks", shape=(block_n,))
    for i, j in task.parallel_range(Hp.shape):
        task.launch(hidden_block_logic, Hp[i, j], Xp[i, :], W1p[:, j], b1p[j])

    Yp = task.partition(Y, by="blocks", shape=(block_m, block_n))
    Hr = task.partition(H, by="blocks", shape=(block_m, F))
    W2p = task.partition(W2, by="blocks", shape=(F, block_n))
    b2p = task.partition(b2, by="blocks", shape=(block_n,))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(output_block_logic, Yp[i, j], Hr[i, :], W2p[:, j], b2p[j])
