"""Checks and times SepTran's kernels on a GPU; see gpu.sh. Prints Markdown."""

import json
import os
import subprocess
import sys
import tempfile

try:
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    torch = None

SEPTRAN = os.environ["SEPTRAN"]
QUICK = "--quick" in sys.argv
ATTENTION = "B={b} H=16 G=16 LQ={l} LK={l} D={d} causal={c} dtype=f16"

CHECKS = [
    ("gemm", "M=512 N=512 K=512 dtype=f16"),
    ("gemm", "M=1000 N=1000 K=1000 dtype=bf16"),
    ("gemm", "M=197 N=300 K=130 dtype=f16"),
    ("gemm", "M=197 N=300 K=130"),
    ("gemm", "M=33 N=70 K=513 dtype=i8 dtype=C=i32"),
    ("gemm", "M=1 N=1 K=1 dtype=f16"),
    ("mlp", "M=256 N=256 K=512 F=512 dtype=bf16"),
    ("mlp", "M=130 N=264 K=200 F=336 dtype=f16"),
    ("mlp", "M=65 K=129 F=70 N=33"),
    ("softmax", "M=197 N=1000 dtype=f16"),
    ("softmax", "M=64 N=4096 dtype=bf16"),
    ("softmax", "M=7 N=20001"),
    ("layernorm", "M=197 N=1024 eps=1e-5 dtype=f16"),
    ("layernorm", "M=33 N=777 eps=1e-5"),
    ("layernorm", "M=9 N=8192 eps=1e-5 dtype=bf16"),
    ("attention", "B=1 H=2 G=1 LQ=256 LK=256 D=128 causal=true dtype=f16"),
    ("attention", "B=2 H=2 G=2 LQ=384 LK=512 D=64 causal=false dtype=bf16"),
    ("attention", "B=1 H=4 G=2 LQ=200 LK=333 D=128 causal=true dtype=f16"),
    ("attention", "B=1 H=1 G=1 LQ=200 LK=200 D=256 causal=true dtype=bf16"),
    ("attention", "B=1 H=2 G=1 LQ=50 LK=70 D=20 causal=true"),
]


def run(example, words, *more):
    """One `septran run`; its report, or what it said instead."""
    command = [SEPTRAN, "run", f"examples/{example}/{example}.py"]
    command += ["--mapping", f"mappings/{example}/nvidia_h100.yaml"]
    for word in words.split():
        option, value = ("--dtype", word[6:]) if word.startswith("dtype=") else ("-D", word)
        command += [option, value]
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command += ["--json", report.name, *more]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired:
            return {"fault": "did not end"}
        if done.returncode not in (0, 1):
            return {"fault": (done.stderr.strip() or "no message").splitlines()[0]}
        return json.load(open(report.name))


def seconds(call, repetitions=20):
    """Median of runs, by events; None without PyTorch."""
    for _ in range(5):
        call()
    marks = []
    for _ in range(repetitions):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        marks.append((begin, end))
    torch.cuda.synchronize()
    return sorted(a.elapsed_time(b) for a, b in marks)[repetitions // 2] * 1e-3


def in_turn(call, *sets):
    """A call on several sets of tensors in turn, so that the cache does not hold them."""
    at = [0]

    def one():
        at[0] = (at[0] + 1) % len(sets[0])
        return call(*(tensors[at[0]] for tensors in sets))

    return one


def randoms(count, *shape, dtype):
    return [torch.randn(*shape, device="cuda", dtype=dtype) for _ in range(count)]


def row(name, words, example, amount, unit, other):
    report = run(example, words, "--no-check", "--repetitions", "40")
    if "fault" in report:
        print(f"| {name} | {report['fault']} | | |", flush=True)
        return
    ours = amount / report["seconds"]["median"] / 1e12
    theirs = amount / seconds(other()) / 1e12 if torch else float("nan")
    print(f"| {name} | {ours:.4g} {unit} | {theirs:.4g} {unit} | {ours / theirs:.2f} |", flush=True)


def main():
    wrong = 0
    for example, words in CHECKS:
        report = run(example, words, "--repetitions", "5")
        fine = "fault" not in report and report["result"]["ok"]
        wrong += not fine
        error = report.get("fault") or f"relative error {report['result']['relative_error']:.2g}"
        print(f"{'ok   ' if fine else 'WRONG'} {example} {words}: {error}", flush=True)
    if torch:
        print(f"\n{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
        x, y = randoms(2, 1 << 29, dtype=torch.float16)
        print(f"copy {4 * x.numel() / seconds(lambda: y.copy_(x)) / 1e12:.3g} TB/s")
        del x, y
    print("\n| kernel | SepTran | PyTorch | ratio |\n|---|---|---|---|")
    sizes = [(4096, "f16"), (8192, "f16")]
    if not QUICK:
        sizes += [(2048, "f16"), (4096, "bf16"), (8192, "bf16")]
    for n, dtype in sizes:
        kind = {"f16": torch.float16, "bf16": torch.bfloat16}[dtype] if torch else None
        row(f"gemm {n}, {dtype}", f"M={n} N={n} K={n} dtype={dtype}", "gemm", 2 * n**3, "TFLOP/s",
            lambda: in_turn(torch.mm, randoms(3, n, n, dtype=kind), randoms(3, n, n, dtype=kind)))
    for n in (4096,) if QUICK else (1024, 4096, 8192, 16384):
        rows = 16384
        half = torch.float16 if torch else None
        row(f"softmax {rows} x {n}, f16", f"M={rows} N={n} dtype=f16", "softmax", 4 * rows * n,
            "TB/s", lambda: in_turn(lambda t: torch.softmax(t, -1),
                                    randoms(4, rows, n, dtype=half)))
        row(f"layernorm {rows} x {n}, f16", f"M={rows} N={n} eps=1e-5 dtype=f16", "layernorm",
            4 * rows * n, "TB/s",
            lambda: in_turn(lambda t, g: F.layer_norm(t, (n,), g, g),
                            randoms(4, rows, n, dtype=half), randoms(4, n, dtype=half)))
    for causal in ("false", "true"):
        for length in (1024, 4096) if QUICK else (1024, 4096, 16384):
            batch, size = 16384 // length, 128
            amount = 4 * 16 * batch * length**2 * size / (2 if causal == "true" else 1)

            def cudnn():
                tensors = randoms(3, batch, 16, length, size, dtype=torch.float16)

                def call():
                    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                        F.scaled_dot_product_attention(*tensors, is_causal=causal == "true")

                return call

            row(f"attention {length}, size {size}{', causal' if causal == 'true' else ''}",
                ATTENTION.format(b=batch, l=length, d=size, c=causal), "attention", amount,
                "TFLOP/s", cudnn)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
