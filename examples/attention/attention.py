"""Attention: O = softmax(Q * K^T / sqrt(D)) * V, for every batch b and head h.

No row of scores is ever there as a whole: a block of queries walks along the keys, and whenever it
meets a larger score it rescales what it has summed up so far. Scores are kept in units of log2, so
that exp2 undoes them. Heads of queries share heads of keys in groups of H / G. If causal, a query
sees the keys up to its own position, the last query being at the last key.
"""

import task_lang as task

LOG2_E = 1.4426950408889634
LOWEST = -1.0e30  # below any score; finite, so that a row of masked scores gives no NaN


@task.define(leaf=True)
def start(acc, top, total):
    task.call_primitive("fill", acc, 0.0)
    task.call_primitive("fill", top, LOWEST)
    task.call_primitive("fill", total, 0.0)


@task.define(leaf=True)
def scores(S, Q, K):
    task.call_primitive("gemm", S, Q, K, transpose_b=True, alpha=LOG2_E / task.sqrt(Q.shape[1]))


@task.define(leaf=True)
def online(P, S, acc, top, total, shrink, causal: bool, row: int, column: int):
    """P = exp2(S - top) with the new maximum of each row; what is summed up so far shrinks."""
    if causal:
        task.call_primitive("mask_causal", S, row, column, -task.inf)
    task.call_primitive("copy", shrink, top)
    task.call_primitive("reduce_max", top, S, axis=1, accumulate=True)
    task.call_primitive("sub", S, S, top, axis=0)
    task.call_primitive("exp2", P, S)
    task.call_primitive("sub", shrink, shrink, top)
    task.call_primitive("exp2", shrink, shrink)
    task.call_primitive("mul", acc, acc, shrink, axis=0)
    task.call_primitive("mul", total, total, shrink)
    task.call_primitive("reduce_sum", total, P, axis=1, accumulate=True)


@task.define(leaf=True)
def values(acc, P, V):
    task.call_primitive("gemm", acc, P, V, accumulate=True)


@task.define(leaf=True)
def finish(O, acc, total):
    """The total is at least 1, the largest score's share, unless the row sees no key at all."""
    task.call_primitive("max", total, total, 1.0)
    task.call_primitive("recip", total, total)
    task.call_primitive("mul", O, acc, total, axis=0)


@task.define
def attention_block_logic(O, Q, K, V, causal: bool, row: int):
    """A block of queries; the first of them is at position `row` of the keys."""
    queries, D = Q.shape
    keys = K.shape[0]
    block_k = task.tunable("block_k")
    Kp = task.partition(K, by="blocks", shape=(block_k, D))
    Vp = task.partition(V, by="blocks", shape=(block_k, D))
    wide = "f64" if Q.dtype == "f64" else "f32"
    acc = task.tensor((queries, D), wide)
    top = task.tensor((queries,), wide)
    total = task.tensor((queries,), wide)
    visible = max(0, min(keys, row + queries)) if causal else keys
    task.launch(start, acc, top, total)
    for j in task.sequential_range(task.ceildiv(visible, block_k)):
        S = task.tensor((queries, Kp[j, 0].shape[0]), wide)
        P = task.tensor(S.shape, Q.dtype)
        shrink = task.tensor((queries,), wide)
        task.launch(scores, S, Q, Kp[j, 0])
        task.launch(online, P, S, acc, top, total, shrink, causal, row, j * block_k)
        task.launch(values, acc, P, Vp[j, 0])
    task.launch(finish, O, acc, total)


@task.define
def attention_host_logic(
    O: task.Tensor["B", "H", "LQ", "D"],
    Q: task.Tensor["B", "H", "LQ", "D"],
    K: task.Tensor["B", "G", "LK", "D"],
    V: task.Tensor["B", "G", "LK", "D"],
    causal: bool,
):
    """Cuts the queries of each head into blocks; they are independent of each other."""
    assert H % G == 0, "each head of keys serves the same number of heads of queries"
    block_q = task.tunable("block_q")
    for b, h, i in task.parallel_range((B, H, task.ceildiv(LQ, block_q))):
        Op = task.partition(O[b, h], by="blocks", shape=(block_q, D))
        Qp = task.partition(Q[b, h], by="blocks", shape=(block_q, D))
        g = h // (H // G)
        row = i * block_q + LK - LQ
        task.launch(attention_block_logic, Op[i, 0], Qp[i, 0], K[b, g], V[b, g], causal, row)
