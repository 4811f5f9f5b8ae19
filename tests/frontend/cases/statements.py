# A comment before anything.
'''Docstring of
the file.'''
import tasklang as tl  # another name and alias

HEADS = 8
SCALE = 1 / tl.sqrt(64) * HEADS  # uses an earlier constant
NAMES = "a" "b"
SHAPE = (HEADS, 0x10, [1_000, 2.5e-3])


@tl.define
def outer(C: tl.f16["M", 64], A: tl.Tensor, S: tl.bf16, n: int, x: float, flag: bool):
    """Docstring of a task."""
    M2, N2 = C.shape
    block = tl.tunable("block")
    other = tl.tunable(default=4, name="other")
    T = tl.tensor(dtype=C.dtype, shape=(M, 64))
    U = tl.tensor([M, 64], tl.f32)
    assert M % block == 0, "M must be " \
        'a multiple'
    assert flag
    if n > 1 and not flag:
        step = 2
    elif n == 1 or x <= 2.0:
        step = 1
    else:
        step = 0
        pass
    for i in tl.sequential_range(step, tl.ceildiv(M, block)):
        part = A[i * block : min(i * block + block, M), :]
        for j, k in tl.parallel_range(M2, N2): tl.launch(inner, T[(j, k)], X=part, row=i)
    for i in tl.sequential_range(n):
        pass
    for a, b in tl.parallel_range((M2, n)):
        tl.launch(
            inner,
            T,  # comments and line ends within brackets

            T.T, a + b,
        )


@tl.define(leaf=True)
def inner(Y, X, row: int):
    if row > 0:
        tl.call_primitive("add", Y, X, 1.0)
        tl.call_primitive("add", Y, X, X2=Y, axis=None)
    for i in tl.sequential_range(2):
        tl.call_primitive("mask_causal", Y, row, i, -tl.inf)
    tl.call_primitive("dequantize", Y, X, 0.5, None, 4)
    tl.call_primitive("gelu", Y, X, approximate="tanh")
    tl.call_primitive("reduce_sum", Y, X, accumulate=True, axis=1)


@tl.define()
def empty():
    pass
