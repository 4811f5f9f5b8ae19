#!/usr/bin/env bash
# Builds SepTran, checks its kernels on this machine's GPU and times them beside cuBLAS, cuDNN (as
# PyTorch calls them) and Triton in one run. With SEPTRAN set to a built `septran` (and for --random
# WRITE_RANDOM_PROGRAMS to that program), those are used.
#
# Options are those of gpu.py: --quick, --only PATTERN, --sanitize, --random COUNT, --no-checks,
# --no-timing.
#
#   bench/gpu.sh [--quick] [--sanitize] [--random COUNT]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ -z "${SEPTRAN:-}" ]]; then
  cmake -S . -B build/gpu -DCMAKE_BUILD_TYPE=Release >&2
  cmake --build build/gpu --target septran write_random_programs -j "$(nproc)" >&2
  SEPTRAN=$PWD/build/gpu/bin/septran
  WRITE_RANDOM_PROGRAMS=$PWD/build/gpu/tests/write_random_programs
fi
export SEPTRAN WRITE_RANDOM_PROGRAMS SEPTRAN_TARGETS=$PWD/targets
exec python3 bench/gpu.py "$@"
