"""Checks and times SepTran's kernels on a GPU; see gpu.sh. Prints Markdown."""

import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import shutil
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

SEPTRAN = os.environ["SEPTRAN"]
SOURCES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

CHECKS = [
    ("gemm", "M=512 N=512 K=512 dtype=f16"),
    ("gemm", "M=1000 N=1000 K=1000 dtype=bf16"),
    ("gemm", "M=197 N=300 K=130 dtype=f16"),
    ("gemm", "M=197 N=300 K=130"),
    ("gemm", "M=33 N=70 K=513 dtype=i8 dtype=C=i32"),
    ("gemm", "M=256 N=256 K=512 dtype=i8 dtype=C=i32"),
    ("gemm", "M=1 N=1 K=1 dtype=f16"),
    ("gemm", "M=1 N=1024 K=4096 dtype=f16"),
    ("gemm", "M=5 N=448 K=1000 dtype=bf16"),
    ("gemm", "M=16 N=4096 K=512 dtype=f16"),
    ("gemm", "M=20 N=192 K=777 dtype=f16"),
    ("gemm", "M=128 N=1536 K=1024 dtype=f16"),
    ("gemm", "M=512 N=512 K=512 dtype=f16 target=nvidia_a100"),
    ("gemm", "M=197 N=296 K=136 dtype=bf16 target=nvidia_a100"),
    ("gemm", "M=256 N=256 K=512 dtype=i8 dtype=C=i32 target=nvidia_a100"),
    ("gemm", "M=256 N=256 K=512 dtype=f8e4m3 dtype=C=f32"),
    ("gemm", "M=130 N=144 K=80 dtype=f8e5m2 dtype=C=f16"),
    ("gemm", "M=33 N=70 K=51 dtype=f8e4m3 dtype=C=f32"),
    ("gemm", "M=65 N=70 K=133 dtype=f64"),
    ("gemm", "M=256 N=256 K=512 dtype=f8e4m3 dtype=C=f32 target=nvidia_a100"),
    ("gemm", "M=2305 N=264 K=72 dtype=f16"),
    ("gemm", "M=2305 N=504 K=200 dtype=f16"),
    ("gemm", "M=513 N=513 K=513 dtype=bf16"),
    ("gemm", "M=1023 N=1025 K=1031 dtype=f16"),
    ("gemm", "M=16 N=513 K=1031 dtype=f16"),
    ("gemm", "M=512 N=768 K=640 dtype=i8 dtype=C=i32"),
    ("gemm", "M=600 N=515 K=777 dtype=i8 dtype=C=i32"),
    ("gemm", "M=512 N=768 K=640 mapping=nvidia_h100_tf32"),
    ("gemm", "M=600 N=515 K=777 mapping=nvidia_h100_tf32"),
    ("gemm", "M=100 N=256 K=256 mapping=nvidia_h100_tf32"),
    ("gemm", "M=512 N=512 K=512 dtype=f8e4m3 dtype=C=f32"),
    ("gemm", "M=512 N=512 K=4096 dtype=f8e4m3 dtype=C=f32 mapping=nvidia_h100_f8"),
    ("gemm", "M=300 N=515 K=77 dtype=f8e5m2 dtype=C=f16 mapping=nvidia_h100_f8"),
    ("linear", "M=512 N=512 K=512 residual=false dtype=f16"),
    ("linear", "M=512 N=768 K=512 residual=true dtype=bf16"),
    ("linear", "M=4096 N=2048 K=64 residual=true dtype=f16"),
    ("linear", "M=197 N=300 K=136 residual=true dtype=f16"),
    ("linear", "M=500 N=1096 K=1992 residual=true dtype=f16"),
    ("mlp", "M=256 N=256 K=512 F=512 dtype=bf16"),
    ("mlp", "M=65 N=33 K=129 F=70 dtype=f8e4m3"),
    ("mlp", "M=65 N=33 K=129 F=70 dtype=f64"),
    ("mlp", "M=130 N=264 K=200 F=336 dtype=f16"),
    ("mlp", "M=1000 N=777 K=515 F=333 dtype=f16"),
    ("mlp", "M=65 K=129 F=70 N=33"),
    ("softmax", "M=197 N=1000 dtype=f16"),
    ("softmax", "M=64 N=4096 dtype=bf16"),
    ("softmax", "M=7 N=20001"),
    ("softmax", "M=65 N=777 dtype=f64"),
    ("softmax", "M=64 N=1024 dtype=f8e4m3"),
    ("layernorm", "M=197 N=1024 eps=1e-5 dtype=f16"),
    ("layernorm", "M=33 N=777 eps=1e-5 dtype=f64"),
    ("layernorm", "M=64 N=1024 eps=1e-5 dtype=f8e5m2"),
    ("layernorm", "M=33 N=777 eps=1e-5"),
    ("layernorm", "M=9 N=8192 eps=1e-5 dtype=bf16"),
    ("layernorm", "M=300 N=16384 eps=1e-5 dtype=f16"),
    ("softmax", "M=300 N=9001 dtype=f16"),
    ("attention", "B=1 H=2 G=1 LQ=256 LK=256 D=128 causal=true dtype=f16"),
    ("attention", "B=1 H=3 G=1 LQ=1024 LK=1024 D=64 causal=true dtype=f16"),
    ("attention", "B=2 H=2 G=2 LQ=384 LK=512 D=64 causal=false dtype=bf16"),
    ("attention", "B=1 H=4 G=2 LQ=200 LK=333 D=128 causal=true dtype=f16"),
    ("attention", "B=1 H=1 G=1 LQ=200 LK=200 D=256 causal=true dtype=bf16"),
    ("attention", "B=1 H=2 G=1 LQ=300 LK=300 D=72 causal=true dtype=f16"),
    ("attention", "B=1 H=2 G=1 LQ=257 LK=300 D=80 causal=false dtype=f16"),
    ("attention", "B=1 H=2 G=1 LQ=256 LK=256 D=96 causal=true dtype=bf16"),
    ("attention", "B=1 H=2 G=1 LQ=200 LK=200 D=64 causal=true dtype=f16 target=nvidia_a100"),
    ("attention", "B=1 H=2 G=1 LQ=300 LK=333 D=128 causal=false dtype=f16 target=nvidia_a100"),
    ("attention", "B=1 H=2 G=1 LQ=50 LK=70 D=20 causal=true"),
    ("attention", "B=1 H=2 G=1 LQ=50 LK=70 D=20 causal=true dtype=f64"),
    ("attention", "B=1 H=2 G=1 LQ=128 LK=128 D=64 causal=true dtype=f8e4m3"),
    ("attention", "B=1 H=2 G=1 LQ=65 LK=97 D=33 causal=false dtype=bf16"),
]

# Odd sizes, small: the sanitizer is slow.
SANITIZED = [
    ("gemm", "M=197 N=300 K=136 dtype=f16"),
    ("gemm", "M=5 N=200 K=1000 dtype=f16"),
    ("gemm", "M=130 N=136 K=72 dtype=i8 dtype=C=i32"),
    ("gemm", "M=300 N=259 K=131 dtype=i8 dtype=C=i32"),
    ("gemm", "M=197 N=301 K=133 dtype=f16"),
    ("gemm", "M=5 N=201 K=1001 dtype=f16"),
    ("gemm", "M=300 N=259 K=131 mapping=nvidia_h100_tf32"),
    ("gemm", "M=130 N=144 K=80 dtype=f8e5m2 dtype=C=f16"),
    ("gemm", "M=65 N=70 K=133"),
    ("mlp", "M=130 N=264 K=200 F=336 dtype=f16"),
    ("linear", "M=130 N=264 K=200 residual=true dtype=f16"),
    ("softmax", "M=37 N=1000 dtype=f16"),
    ("softmax", "M=3 N=5001"),
    ("layernorm", "M=33 N=777 eps=1e-5 dtype=f16"),
    ("layernorm", "M=3 N=8200 eps=1e-5"),
    ("attention", "B=1 H=2 G=1 LQ=200 LK=333 D=128 causal=true dtype=f16"),
    ("attention", "B=1 H=1 G=1 LQ=100 LK=90 D=72 causal=false dtype=f16"),
]


def command(example, words, *more):
    """`septran run` for the words "M=1 dtype=f16 dtype=C=f32 target=NAME mapping=NAME"."""
    logic = f"{SOURCES}/examples/{example}/{example}.py"
    named = re.findall("mapping=(\\S+)", words)
    mapping = f"{SOURCES}/mappings/{example}/{named[0] if named else 'nvidia_h100'}.yaml"
    if not os.path.exists(logic):
        logic, mapping = (f"{SOURCES}/bench/kernels/{example}.{end}" for end in ("py", "yaml"))
    result = [SEPTRAN, "run", logic]
    for target in re.findall("target=(\\S+)", words):
        own = f"{SOURCES}/mappings/{example}/{target}.yaml"
        mapping = own if os.path.exists(own) else mapping
    result += ["--mapping", mapping]
    for word in words.split():
        key, _, value = word.partition("=")
        option = {"dtype": "--dtype", "target": "--target"}.get(key)
        if key != "mapping":
            result += [option, value] if option else ["-D", word]
    return result + list(more)


def run(example, words, *more):
    """One `septran run`; its report, or what it said instead."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        try:
            done = subprocess.run(command(example, words, "--json", report.name, *more),
                                  capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired:
            return {"fault": "did not end"}
        if done.returncode not in (0, 1):
            return {"fault": (done.stderr.strip() or "no message").splitlines()[0]}
        return json.load(open(report.name))


def check():
    """How many of the checks fail."""
    wrong = 0
    for example, words in CHECKS:
        report = run(example, words, "--repetitions", "3")
        fine = "fault" not in report and report["result"]["ok"]
        wrong += not fine
        error = report.get("fault") or f"relative error {report['result']['relative_error']:.2g}"
        print(f"{'ok   ' if fine else 'WRONG'} {example} {words}: {error}", flush=True)
    return wrong


def sanitize():
    """How many runs compute-sanitizer complains about."""
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not os.path.exists(tool):
        print("compute-sanitizer is not installed")
        return 0
    faulty = 0
    for example, words in SANITIZED:
        for kind in ("memcheck", "racecheck"):
            line = [tool, "--tool", kind, "--error-exitcode", "9"]
            line += command(example, words, "--no-check", "--repetitions", "1")
            done = subprocess.run(line, capture_output=True, text=True, timeout=300)
            faulty += done.returncode != 0
            said = "clean" if done.returncode == 0 else done.stdout.strip().splitlines()[-1]
            print(f"{kind} {example} {words}: {said}", flush=True)
    return faulty


def run_written(program):
    """(seed, exit code, what it said) of a random program, on integers, which compare exactly."""
    line = [SEPTRAN, "run", program + ".py", "--mapping", program + ".yaml", "--target",
            "nvidia_h100", "--values", "integers", "--repetitions", "2"]
    line += open(program + ".words").read().split()
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return os.path.basename(program), -1, "did not end"
    return os.path.basename(program), done.returncode, done.stderr + done.stdout


def run_random(count):
    """How many of three times `count` random programs are wrong; many processes at a time."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.environ["WRITE_RANDOM_PROGRAMS"], folder, "50001", str(count)],
                       check=True)
        programs = sorted(path[:-len(".words")] for path in glob.glob(f"{folder}/*.words"))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(run_written, programs))
    refused = collections.Counter()
    wrong = 0
    for name, code, said in results:
        if code == 2:
            refused.update(re.findall(r"error\[([^\]]+)\]", said)[:1])
        elif code != 0:
            wrong += 1
            print(f"WRONG {name}: {said.strip().splitlines()[:1]}")
    print(f"{len(results)} random programs, {wrong} wrong, refused: {dict(refused)}", flush=True)
    return wrong


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
    if not quick and torch:
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
    faults = 0 if options.no_checks else check()
    if options.random:
        faults += run_random(options.random)
    if options.sanitize:
        faults += sanitize()
    if not options.no_timing:
        if torch is None or not torch.cuda.is_available():
            print("no timing: PyTorch, for what to compare with, is not installed")
        else:
            measure(options.quick, options.only)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
