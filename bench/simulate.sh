#!/usr/bin/env bash
# Times the simulator and the compiler on matrix products: wall time is the median of five runs of
# the release build, interleaved; cycles are exact. Prints a Markdown table for bench/results/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sim=build/release/bin/septran-sim
[[ -x $sim ]] || { echo "build the release preset first (scripts/demo.sh)" >&2; exit 1; }
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# case: target, extent, option
cases=("dsa_edge 512 " "dsa_edge 512 --timing-only" "dsa_edge 1024 " "dsa_edge 1024 --timing-only"
       "dsa_cloud 1024 " "dsa_cloud 4096 --timing-only")
declare -A walls cycles busy
# field KEY: the first number behind a key of the report
field() { grep -m 1 -oE "\"$1\": *[0-9.e+-]+" "$report" | sed 's/.*: *//'; }
for _ in 1 2 3 4 5; do
  for c in "${cases[@]}"; do
    read -r target extent option <<<"$c"
    "$sim" examples/gemm/gemm.py --mapping "mappings/gemm/$target.yaml" --dtype f16 \
      -D M="$extent" -D N="$extent" -D K="$extent" ${option:+"$option"} --json "$report" >/dev/null
    walls[$c]+="$(field simulate) "
    cycles[$c]=$(field cycles)
    busy[$c]=$(field mma_utilization)
  done
done
echo "date $(date -I), commit $(git rev-parse --short HEAD)," \
  "$(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) cores"
echo
echo "| f16 GEMM | values | cycles | mma utilization | simulation, s |"
echo "|---|---|---|---|---|"
for c in "${cases[@]}"; do
  read -r target extent option <<<"$c"
  median=$(tr ' ' '\n' <<<"${walls[$c]}" | grep . | sort -g | sed -n 3p)
  printf '| %s %s³ | %s | %s | %.3f | %.3f |\n' "$target" "$extent" \
    "$([[ $option ]] && echo no || echo yes)" "${cycles[$c]}" "${busy[$c]}" "$median"
done
