"""Checks and times SepTran's kernels on a GPU; see gpu.sh. Prints Markdown."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

try:
    import numpy
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    torch = None
try:
    import gpu_triton
except ImportError:
    gpu_triton = None

import gpu_checks
from gpu_checks import SOURCES, run


def seconds(call, repetitions=15):
    """Median time of a call among others like it: of several in a captured graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize()
    together = max(1, min(64, int(0.2 / begin.elapsed_time(end)) + 1))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(together):
            call()
    times = []
    for _ in range(repetitions + 2):
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e-3 / together)
    return sorted(times[2:])[repetitions // 2]


def in_turn(call, *sets):
    """A call on several sets of tensors in turn, so that the cache does not hold them."""
    at = [0]

    def one():
        at[0] = (at[0] + 1) % len(sets[0])
        return call(*(tensors[at[0]] for tensors in sets))

    return one


def randoms(count, *shape, dtype):
    return [torch.randn(*shape, device="cuda", dtype=dtype) for _ in range(count)]


class Table:
    def __init__(self, only):
        self.only = re.compile(only)
        self.ratios = []
        self.folder = tempfile.TemporaryDirectory()

    def wants(self, name):
        return self.only.search(name) is not None

    def inputs(self, tensors):
        """Options that give `septran` the tensors, by name."""
        options = []
        for name, tensor in tensors.items():
            path = f"{self.folder.name}/{name}.npy"
            raw = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
            numpy.save(path, raw.cpu().numpy())
            options += ["--in", f"{name}={path}"]
        return options

    def row(self, name, example, words, tensors, amount, unit, others):
        """`others`: what each compares with, by name; the first counts for the ratio."""
        report = run(example, words, "--no-check", "--repetitions", "30", *self.inputs(tensors))
        if "fault" in report:
            print(f"| {name} | {report['fault']} | | |", flush=True)
            return
        took = report["seconds"]["median"]
        cells = []
        for i, (other, call) in enumerate(others.items()):
            theirs = seconds(call)
            if i == 0:
                self.ratios.append(theirs / took)
            cells.append(f"{other} {amount / theirs / 1e12:.4g} ({theirs / took:.2f})")
        print(f"| {name} | {took * 1e6:.4g} us | {amount / took / 1e12:.4g} {unit} | "
              f"{', '.join(cells)} |", flush=True)

    def gemm(self, m, n, k, dtype):
        name = f"gemm {m} x {n} x {k}, {dtype}"
        if not self.wants(name):
            return
        kind = {"f16": torch.float16, "bf16": torch.bfloat16}.get(dtype, torch.float32)
        count = max(2, min(8, 1 + (100 << 20) // (2 * (m * k + n * k + m * n))))
        a, b = randoms(count, m, k, dtype=kind), randoms(count, k, n, dtype=kind)
        c = randoms(count, m, n, dtype=kind)
        few = m <= 128
        torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        others = {"cuBLAS": in_turn(lambda x, y, z: torch.mm(x, y, out=z), a, b, c)}
        if gpu_triton and m >= 512 and kind != torch.float32:
            others["Triton"] = in_turn(gpu_triton.matmul, a, b, c)
        how = "mapping=nvidia_h100_tf32" if dtype == "tf32" else f"dtype={dtype}"
        self.row(name, "gemm", f"M={m} N={n} K={k} {how}", {"A": a[0], "B": b[0]},
                 2 * (m * k + n * k + m * n) if few else 2 * m * n * k,
                 "TB/s" if few else "TFLOP/s", others)

    def gemm_i8(self, m, n, k):
        """cuBLAS wants k along rows of both: it gets B so, SepTran as it is."""
        name = f"gemm {m} x {n} x {k}, i8"
        if not self.wants(name):
            return
        a, b = (torch.randint(-128, 128, shape, device="cuda", dtype=torch.int8)
                for shape in ((m, k), (k, n)))
        turned = b.T.contiguous().T
        others = {}
        if m % 8 == 0 and n % 8 == 0 and k % 8 == 0:
            others["cuBLAS"] = lambda: torch._int_mm(a, turned)
            others["cuBLAS and turning B"] = lambda: torch._int_mm(a, b.T.contiguous().T)
        self.row(name, "gemm", f"M={m} N={n} K={k} dtype=i8 dtype=C=i32", {"A": a, "B": b},
                 2 * m * n * k, "TOP/s", others)

    def linear(self, n, dtype, residual):
        """A fused epilogue, and the product alone before it."""
        name = f"gelu(A B + bias){' + R' if residual else ''} {n}, {dtype}"
        if not self.wants(name):
            return
        kind = {"f16": torch.float16, "bf16": torch.bfloat16}[dtype]
        a, b, r = (torch.randn(n, n, device="cuda", dtype=kind) for _ in range(3))
        bias = torch.randn(n, device="cuda", dtype=kind)
        tensors = {"A": a, "B": b, "bias": bias}
        if residual:
            tensors["R"] = r
        plain = []
        for _ in range(2):
            report = run("gemm", f"M={n} N={n} K={n} dtype={dtype}", "--no-check",
                         "--repetitions", "30", *self.inputs({"A": a, "B": b}))
            plain.append(report.get("seconds", {}).get("median", float("nan")))

        def by_torch():
            h = F.gelu(torch.addmm(bias, a, b))
            return h + r if residual else h

        words = f"M={n} N={n} K={n} dtype={dtype} residual={'true' if residual else 'false'}"
        self.row(name, "linear", words, tensors, 2 * n**3, "TFLOP/s", {"PyTorch": by_torch})
        print(f"| gemm alone | {' '.join(f'{s * 1e6:.4g}' for s in plain)} us | | |", flush=True)

    def rows(self, example, rows, n):
        name = f"{example} {rows} x {n}, f16"
        if not self.wants(name):
            return
        x, y = (randoms(4, rows, n, dtype=torch.float16) for _ in range(2))
        inputs, words = {"X": x[0]}, f"M={rows} N={n} dtype=f16"
        if example == "softmax":
            others = {"PyTorch": in_turn(lambda t: torch.softmax(t, -1), x)}
        else:
            g = torch.randn(n, device="cuda", dtype=torch.float16)
            inputs.update(gamma=g, beta=g)
            words += " eps=1e-5"
            others = {"PyTorch": in_turn(lambda t: F.layer_norm(t, (n,), g, g), x)}
        others["copy"] = in_turn(lambda s, t: t.copy_(s), x, y)
        if gpu_triton and example == "softmax":
            others["Triton"] = in_turn(gpu_triton.softmax, x, y)
        self.row(name, example, words, inputs, 4 * rows * n, "TB/s", others)

    def attention(self, length, size, causal):
        name = f"attention {length}, size {size}{', causal' if causal else ''}"
        if not self.wants(name):
            return
        batch, heads = 16384 // length, max(1, 2048 // size)
        q, k, v = randoms(3, batch, heads, length, size, dtype=torch.float16)

        def cudnn():
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                F.scaled_dot_product_attention(q, k, v, is_causal=causal)

        amount = 4 * batch * heads * length**2 * size / (2 if causal else 1)
        words = (f"B={batch} H={heads} G={heads} LQ={length} LK={length} D={size} "
                 f"causal={'true' if causal else 'false'} dtype=f16")
        self.row(name, "attention", words, {"Q": q, "K": k, "V": v}, amount, "TFLOP/s",
                 {"cuDNN": cudnn})


def llama_shapes(rows):
    return [(m, n, k) for m in rows
            for n, k in ((4096, 4096), (6144, 4096), (14336, 4096), (4096, 14336))]


def measure(quick, only):
    table = Table(only)
    clocks = "clocks.sm,clocks.mem,clocks.max.sm,driver_version"
    shown = subprocess.run(["nvidia-smi", f"--query-gpu={clocks}", "--format=csv,noheader"],
                           capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(["git", "-C", SOURCES, "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True).stdout.strip()
    print(f"\n{torch.cuda.get_device_name()}; SM clock, memory clock, most, driver: {shown}; "
          f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}; "
          f"commit {os.environ.get('COMMIT') or commit}")
    x, y = randoms(2, 1 << 29, dtype=torch.float16)
    print(f"copy {4 * x.numel() / seconds(lambda: y.copy_(x), 5) / 1e12:.3g} TB/s")
    del x, y
    print("\n| kernel | time | SepTran | others (ratio) |\n|---|---|---|---|")
    square = [(n, n, n) for n in ((4096,) if quick else (2048, 4096, 8192))]
    for dtype in ("f16",) if quick else ("f16", "bf16"):
        for m, n, k in square:
            table.gemm(m, n, k, dtype)
    few = [(1, 4096, 4096), (16, 14336, 4096)] if quick else llama_shapes((1, 16, 128, 4096))
    odd = [] if quick else [(4097, 5000, 1000), (4095, 4095, 4095), (128, 4095, 4095),
                            (16, 4095, 4095)]
    for m, n, k in few + odd:
        table.gemm(m, n, k, "f16")
    for n in (4096,) if quick else (4096, 4095):
        table.gemm(n, n, n, "tf32")
        table.gemm_i8(n, n, n)
    for dtype in () if quick else ("f16", "bf16"):
        for residual in (False, True):
            table.linear(4096, dtype, residual)
            table.linear(8192, dtype, residual)
    for n in (1024,) if quick else (1024, 4096, 8192, 16384):
        table.rows("softmax", 16384, n)
        table.rows("layernorm", 16384, n)
    for size in (128,) if quick else (64, 128, 256):
        for causal in (False, True):
            for length in (4096,) if quick else (512, 1024, 2048, 4096, 8192, 16384):
                table.attention(length, size, causal)
    if not quick:
        for size in (72, 80, 96):
            table.attention(2048, size, False)
    if table.ratios:
        mean = float(numpy.exp(numpy.mean(numpy.log(table.ratios))))
        print(f"\ngeometric mean of the ratios: {mean:.3f} ({len(table.ratios)} kernels)")
    shown = subprocess.run(["nvidia-smi", "--query-gpu=clocks.sm,temperature.gpu,power.draw",
                            "--format=csv,noheader"], capture_output=True, text=True).stdout.strip()
    print(f"SM clock, temperature and power after it: {shown}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few sizes of each")
    parser.add_argument("--only", default="", help="rows of the table that match")
    parser.add_argument("--no-checks", action="store_true")
    parser.add_argument("--no-timing", action="store_true")
    parser.add_argument("--sanitize", action="store_true", help="runs under compute-sanitizer too")
    parser.add_argument("--random", type=int, default=0, metavar="COUNT",
                        help="random programs too, COUNT of each family")
    options = parser.parse_args()
    faults = 0 if options.no_checks else gpu_checks.check()
    if options.random:
        faults += gpu_checks.run_random(options.random)
    if options.sanitize:
        faults += gpu_checks.sanitize()
    if not options.no_timing:
        if torch is None or not torch.cuda.is_available():
            print("no timing: PyTorch, for what to compare with, is not installed")
        else:
            measure(options.quick, options.only)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
