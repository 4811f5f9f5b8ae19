"""Convolution of one image: the product of the matrix of its windows with the filters.

The windows are a view of the image (`task.im2col`). A mapping that keeps the image close to the
core reads it from GLOBAL once, however many windows hold an element; one that keeps only blocks of
windows there reads each window. Rows of the result Y are output pixels, its columns filters;
padding stands in the image.
"""

import task_lang as task


@task.define(leaf=True)
def clear_leaf_logic(acc):
    task.call_primitive("fill", acc, 0)


@task.define(leaf=True)
def multiply_leaf_logic(acc, W, F):
    task.call_primitive("gemm", acc, W, F, accumulate=True)


@task.define(leaf=True)
def store_leaf_logic(Y, acc):
    task.call_primitive("copy", Y, acc)


@task.define
def conv_block_logic(Y, W, F):
    """One block of the result from the windows of its pixels."""
    block_k = task.tunable("block_k")
    Wp = task.partition(W, by="blocks", shape=(W.shape[0], block_k))
    Fp = task.partition(F, by="blocks", shape=(block_k, F.shape[1]))
    acc = task.tensor(Y.shape, "i32" if W.dtype == "i8" else "f32")
    task.launch(clear_leaf_logic, acc)
    for k in task.sequential_range(Wp.shape[1]):
        task.launch(multiply_leaf_logic, acc, Wp[0, k], Fp[k, 0])
    task.launch(store_leaf_logic, Y, acc)


@task.define
def conv_core_logic(Y, X, F, kh: int, kw: int, stride: int):
    """All blocks; their windows overlap, so the image is handed on as a whole."""
    block_m = task.tunable("block_m")
    block_o = task.tunable("block_o")
    W = task.im2col(X, kernel=(kh, kw), stride=(stride, stride))
    Yp = task.partition(Y, by="blocks", shape=(block_m, block_o))
    Wp = task.partition(W, by="blocks", shape=(block_m, W.shape[1]))
    Fp = task.partition(F, by="blocks", shape=(F.shape[0], block_o))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(conv_block_logic, Yp[i, j], Wp[i, :], Fp[:, j])


@task.define
def conv_host_logic(Y: task.Tensor["M", "O"], X: task.Tensor["N", "H", "W", "C"],
                    F: task.Tensor["KH", "KW", "C", "O"], stride: int):
    """Y = windows of X times F; M is N times the output's height and width."""
    task.launch(conv_core_logic, Y, X, task.reshape(F, (KH * KW * C, O)), KH, KW, stride)
