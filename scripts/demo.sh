#!/usr/bin/env bash
# From a fresh clone to the first report: builds SepTran, then compiles a matrix product for the
# small accelerator, simulates it and checks the result. Arguments replace the sizes, e.g.
#   scripts/demo.sh -D M=300 -D N=200 -D K=100
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sizes=("$@")
if ((${#sizes[@]} == 0)); then
  sizes=(-D M=512 -D N=512 -D K=512)
fi

scripts/setup.sh
cmake --preset release >&2
cmake --build --preset release --target septran septran-sim >&2

command=(build/release/bin/septran-sim examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml
  "${sizes[@]}")
echo "${command[*]}" >&2
exec "${command[@]}"
