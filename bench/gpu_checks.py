"""Runs of SepTran's kernels on a GPU, and checks of what they compute; see gpu.sh."""

import collections
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

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
    ("late_operands", "M=512 N=768 K=512 residual=true dtype=bf16"),
    ("late_operands", "M=197 N=300 K=136 residual=true dtype=f16"),
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
    ("late_operands", "M=130 N=264 K=200 residual=true dtype=f16"),
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
    for folder in ("bench/kernels", "tests/cuda"):
        if not os.path.exists(logic):
            logic, mapping = (f"{SOURCES}/{folder}/{example}.{end}" for end in ("py", "yaml"))
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
