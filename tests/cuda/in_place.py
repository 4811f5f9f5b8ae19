"""Y = 2 + the largest of each row, added up in place."""

import task_lang as task


@task.define(leaf=True)
def largest(most, total, X):
    task.call_primitive("fill", total, 2)
    task.call_primitive("reduce_max", most, X, axis=1)


@task.define(leaf=True)
def join(total, most):
    task.call_primitive("add", total, total, most)


@task.define(leaf=True)
def store(Y, total):
    task.call_primitive("copy", Y, total)


@task.define
def block(Y, X):
    most = task.tensor(Y.shape, "f32")
    total = task.tensor(Y.shape, "f32")
    task.launch(largest, most, total, X)
    task.launch(join, total, most)
    task.launch(store, Y, total)


@task.define
def host(Y: task.Tensor["M"], X: task.Tensor["M", "N"]):
    task.launch(block, Y, X)
