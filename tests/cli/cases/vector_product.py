"""A product that the vector unit adds up part by part, each time from nothing."""

import task_lang as task


@task.define(leaf=True)
def multiply_logic(C, A, B):
    task.call_primitive("gemm", C, A, B)


@task.define
def block_logic(C, A, B):
    task.launch(multiply_logic, C, A, B)


@task.define
def host_logic(C: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    task.launch(block_logic, C, A, B)
