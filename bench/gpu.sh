#!/usr/bin/env bash
# Builds SepTran, checks its kernels on this machine's GPU and times them beside cuBLAS, cuDNN (as
# PyTorch calls them) and Triton in one run. With SEPTRAN set to a built `septran`, that one is used.
#
# Options are those of gpu.py: --quick, --only PATTERN, --sanitize, --no-checks, --no-timing.
#
#   bench/gpu.sh [--quick] [--sanitize]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ -z "${SEPTRAN:-}" ]]; then
  cmake -S . -B build/gpu -DCMAKE_BUILD_TYPE=Release >&2
  cmake --build build/gpu --target septran -j "$(nproc)" >&2
  SEPTRAN=$PWD/build/gpu/bin/septran
fi
export SEPTRAN SEPTRAN_TARGETS=$PWD/targets
exec python3 bench/gpu.py "$@"
