"""Kernels in Triton to compare with: products and softmax, tiles chosen among a few."""

import torch
import triton
import triton.language as tl


def _tiles():
    return [triton.Config({"BM": bm, "BN": bn, "BK": 64}, num_warps=warps, num_stages=stages)
            for bm, bn, warps, stages in ((128, 128, 8, 4), (128, 256, 8, 3), (64, 256, 4, 4))]


@triton.autotune(configs=_tiles(), key=["m", "n", "k"])
@triton.jit
def _matmul(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    groups = tl.cdiv(m, BM)
    rows = (tl.program_id(0) % groups) * BM + tl.arange(0, BM)
    cols = (tl.program_id(0) // groups) * BN + tl.arange(0, BN)
    depth = tl.arange(0, BK)
    sums = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        at = start + depth
        left = tl.load(a + rows[:, None] * k + at[None, :],
                       mask=(rows[:, None] < m) & (at[None, :] < k), other=0.0)
        right = tl.load(b + at[:, None] * n + cols[None, :],
                        mask=(at[:, None] < k) & (cols[None, :] < n), other=0.0)
        sums = tl.dot(left, right, sums)
    tl.store(c + rows[:, None] * n + cols[None, :], sums.to(c.dtype.element_ty),
             mask=(rows[:, None] < m) & (cols[None, :] < n))


def matmul(a, b, c):
    m, k = a.shape
    n = b.shape[1]
    _matmul[lambda tile: (triton.cdiv(m, tile["BM"]) * triton.cdiv(n, tile["BN"]),)](
        a, b, c, m, n, k)


@triton.jit
def _softmax(x, y, n, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    values = tl.load(x + row * n + at, mask=at < n, other=-float("inf")).to(tl.float32)
    powers = tl.exp(values - tl.max(values, 0))
    tl.store(y + row * n + at, (powers / tl.sum(powers, 0)).to(y.dtype.element_ty), mask=at < n)


def softmax(x, y):
    block = triton.next_power_of_2(x.shape[1])
    _softmax[(x.shape[0],)](x, y, x.shape[1], BLOCK=block, num_warps=4 if block <= 4096 else 8)
