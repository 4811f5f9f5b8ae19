"""Elements of a tensor as operands: each stands for all points, as a number does."""

import task_lang as task


@task.define(leaf=True)
def copy_leaf(Y, X):
    task.call_primitive("copy", Y, X)


@task.define(leaf=True)
def scale_leaf(Y, X, S):
    task.call_primitive("mul", Y, X, S[0])
    task.call_primitive("add", Y, Y, S[1])
    task.call_primitive("fma", Y, Y, S[2], S[3])
    task.call_primitive("fma", Y, Y, X, S[3])
    task.call_primitive("select", Y, Y, X, S[4])
    task.call_primitive("max", Y, Y, S[5])


@task.define(leaf=True)
def round_leaf(Y, X, I, Q):
    task.call_primitive("quantize", I, X, Q[3], Q[0])
    task.call_primitive("dequantize", X, I, Q[2], Q[1])
    task.call_primitive("add", Y, Y, X)


@task.define(leaf=True)
def largest_leaf(Y, Q, q):
    task.call_primitive("reduce_max", q[0], Q, axis=0)
    task.call_primitive("div", Y, Y, q[0])
    task.call_primitive("sub", q[0], q[0], Q[0])
    task.call_primitive("sub", Y[0, 0], q[0], 3.0)


@task.define(leaf=True)
def positive_leaf(Q, S):
    task.call_primitive("abs", Q, S)
    task.call_primitive("add", Q, Q, 1.0)


@task.define
def block_logic(Y, X, S):
    Q = task.tensor(S.shape, "f32")
    q = task.tensor((1,), "f32")
    I = task.tensor(Y.shape, "i8")
    Z = task.tensor(X.shape, "f32")
    task.launch(copy_leaf, Z, X)
    task.launch(positive_leaf, Q, S)
    task.launch(scale_leaf, Y, Z, S)
    task.launch(round_leaf, Y, Z, I, Q)
    task.launch(largest_leaf, Y, Q, q)


@task.define
def host_logic(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"], S: task.Tensor[6]):
    Yp = task.partition(Y, by="blocks", shape=(2, 8))
    Xp = task.partition(X, by="blocks", shape=(2, 8))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(block_logic, Yp[i, j], Xp[i, j], S)
