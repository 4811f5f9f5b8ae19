import task_lang as task
X = 1 ? 2
Y = “quoted”
Z = 3 \ 4
W = "open
V = "\q"
U = f"{X}"
T = b"bytes"
S = 1_000_
R = 0x1G
Q = 99999999999999999999
P = 1e999
O = 012
N = 3 )
M = [1, 2)
L = 5 !
@task.define
def f(A):
    x = (1,
    pass
    y = A[0
