"""Convolution of stride 2 as a product with a matrix that never exists as a whole."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(Y, P, W):
    task.call_primitive("gemm", Y, P, W)


@task.define
def block_logic(Y, P, W):
    task.launch(multiply_logic, Y, P, W)


@task.define
def host_logic(
    Y: task.Tensor["N", "OH", "OW", "O"],
    X: task.Tensor["N", "H", "W", "C"],
    F: task.Tensor["KH", "KW", "C", "O"],
):
    assert OH == (H + 2 - KH) // 2 + 1
    P = task.im2col(X, kernel=(KH, KW), stride=(2, 2), padding=(1, 1))
    Ym = task.reshape(Y, (N * OH * OW, O))
    Fm = task.reshape(F, (KH * KW * C, O))
    rows = task.tunable("rows", 8)
    Yp = task.partition(Ym, by="blocks", shape=(rows, O))
    Pp = task.partition(P, by="blocks", shape=(rows, KH * KW * C))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block_logic, Yp[i, 0], Pp[i, 0], Fm)
