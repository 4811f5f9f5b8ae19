#!/usr/bin/env bash
# How fast the simulator is, and how that grows: simulated cycles and bursts per second of wall time
# over problem sizes, cores and bytes a burst, and the time and memory of whole networks. Wall times are
# the best of three runs; "simulation" leaves starting and compiling out, "wall" does not. Prints
# Markdown for bench/results/. Needs GNU time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sim=${SEPTRAN_SIM:-build/release/bin/septran-sim}
[[ -x $sim ]] || { echo "build the release preset first (scripts/demo.sh)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# measure ARGUMENTS...: sets wall (s), memory (MB), simulation (s), cycles, bursts of the best run
measure() {
  wall=
  for _ in 1 2 3; do
    /usr/bin/time -f "%e %M" -o "$folder/time" "$sim" "$@" --json "$folder/r.json" >/dev/null
    read -r seconds kilobytes <"$folder/time"
    field() { grep -m 1 -oE "\"$1\": *[0-9.e+-]+" "$folder/r.json" | sed 's/.*: *//'; }
    if [[ -z $wall ]] || awk "BEGIN { exit !($seconds < $wall) }"; then
      wall=$seconds
      memory=$(awk "BEGIN { printf \"%.0f\", $kilobytes / 1024 }")
      simulation=$(field simulate || true)
      cycles=$(field cycles)
      bursts=$(awk -v h="$(field row_hits || echo 0)" -v m="$(field row_misses || echo 0)" \
        'BEGIN { printf "%.0f", h + m }')
    fi
  done
}
gemm() {
  local target=$1 extent=$2
  shift 2
  measure examples/gemm/gemm.py --mapping "mappings/gemm/${target%%-*}.yaml" --target \
    "$folder/$target.yaml" --dtype f16 -D "M=$extent" -D "N=$extent" -D "K=$extent" "$@"
}
# row NAME: of a table with cycles, bursts and their rates
row() {
  awk -v name="$1" -v c="$cycles" -v b="$bursts" -v s="$simulation" -v m="$memory" 'BEGIN {
    printf "| %s | %d | %d | %.4f | %.1f | %.2f | %d |\n", name, c, b, s, c / s * 1e-6,
      b / s * 1e-6, m }'
}
head_row() {
  echo
  echo "| $1 | cycles | bursts | simulation, s | Mcycles/s | Mbursts/s | MB |"
  echo "|---|---|---|---|---|---|---|"
}

cp targets/dsa_edge.yaml "$folder/dsa_edge.yaml"
sed -e 's/^    rows: 16 /    rows: 32 /; s/^    cols: 16 /    cols: 32 /' -e 's/\[\[16, 16\]\]/[[32, 32]]/' \
  targets/dsa_edge.yaml >"$folder/dsa_edge-32.yaml"
for cores in 1 2 4 8 64 1024; do
  sed -e "s/count: 4  # processors; four cores/count: $cores  # processors/" targets/dsa_cloud.yaml \
    >"$folder/dsa_cloud-$cores.yaml"
done
for burst in 64 128 256; do
  sed -e "s/burst_bytes: 64  */burst_bytes: $burst /" targets/dsa_edge.yaml >"$folder/dsa_edge-b$burst.yaml"
done

echo "date $(date -I), commit $(git rev-parse --short HEAD)," \
  "$(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) cores"

head_row "f16 GEMM on dsa_edge with a 32 x 32 array, no values"
for extent in 256 512 1024 2048; do gemm dsa_edge-32 $extent --timing-only; row "$extent³"; done
head_row "2048³ on dsa_cloud by cores, no values"
for cores in 1 2 4 8 64 1024; do gemm "dsa_cloud-$cores" 2048 --timing-only; row "$cores"; done
head_row "1024³ on dsa_edge by bytes a burst, no values"
for burst in 64 128 256; do gemm "dsa_edge-b$burst" 1024 --timing-only; row "$burst"; done

echo
echo "| whole programs | wall, s | MB |"
echo "|---|---|---|"
whole() { printf '| %s | %.2f | %d |\n' "$1" "$wall" "$memory"; }
gemm dsa_edge-32 1024 --timing-only; whole "1024³ on 32 x 32, no values"
gemm dsa_edge-32 1024 --no-check; whole "1024³ on 32 x 32, values"
gemm dsa_edge-32 1024; whole "1024³ on 32 x 32, values checked against the reference"
measure workloads/conv.py --mapping workloads/conv_cloud.yaml --dtype f16 \
  --workload workloads/resnet50.csv
whole "ResNet-50 on dsa_cloud, from images"
measure examples/gemm/gemm.py --mapping mappings/gemm/dsa_cloud.yaml --dtype f16 \
  --workload workloads/resnet50.csv
whole "ResNet-50 on dsa_cloud, as products"
for name in bert_base llama3_8b_prefill llama3_8b_decode; do
  measure --workload "workloads/$name.yaml"
  whole "$name"
done
