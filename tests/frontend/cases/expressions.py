import task_lang as task

A = 1 + 2 * 3 - 4 // 5 % 6 / 7
B = -2 ** -3 ** 2
C = not 1 < 2 <= 3 != 4 and True or False and not (False or True)
D = 1 if A > 2 else 2 if B else 3
E = ((1 + 2) * (3 - (4)))
F = (1,), (), [], [1, 2,], 1, None
G = min(1, 2, max(3, 4)), task.inf, -task.inf, task.exp2(0.5)
H = 0b101, 0o17, 0xFF, 00, 1e3, 1., .5, 1E+2, 9223372036854775807, 1e-999
I = 'it\'s', "tab\there", r"raw\n", "\x41\u00e9\103", '''three
lines"''', "a\
b", u"x"
J = 5 \
    - 1
K = + - + 1


@task.define
def f(Q, K2: task.Tensor["S"], b: int):
    x = Q[b, b // (2 * 3)][: S - 1, 1:][:, 0] if False else Q
    y = task.transpose(Q, (1, 0)), task.reshape(K2, shape=(S, b))
    z = task.im2col(Q, kernel=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(1, 1))
    w = Q.shape[0], Q.ndim, Q.T.dtype, Q.shape[-1]
    P = task.partition(Q, by="blocks", shape=(b, S))
    _, v = P.shape
    (s, t) = x, y
