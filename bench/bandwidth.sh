#!/usr/bin/env bash
# Whether more bandwidth costs whole networks time: simulates the shipped workloads on machines of
# which one part moves 2, 4 and 8 times as many bytes a cycle. Prints a Markdown table for
# bench/results/, and fails if a step takes over 0.5 % more cycles than a narrower machine. The two
# of LLaMA take a quarter of an hour, the others a minute; with names of networks as arguments, as the
# table has them, only these are run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sim=${SEPTRAN_SIM:-build/release/bin/septran-sim}
[[ -x $sim ]] || { echo "build the release preset first (scripts/demo.sh)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# part: its name, the change of dsa_cloud.yaml (N and M stand for values), and the values there
parts=("DRAM's rate|s/^    preset: hbm2e .*/    preset: hbm2e\\n    bytes_per_cycle_per_channel: N/|57.6|0"
       "DRAM's channels|s/^    channels: 16 /    channels: N /|16|0"
       "links|s/_per_link: 512 /_per_link: N /; s/_cycle_total: 2048 /_cycle_total: M /|512|2048"
       "scratchpads' ports|/^  SHARED:/,/^  REGISTER:/s/ports: 1 /ports: N /|1|0"
       "scratchpads' width|/^  SHARED:/,/^  REGISTER:/s/_cycle: 256 /_cycle: N /|256|0"
       "scratchpads' banks|/^  SHARED:/,/^  REGISTER:/s/banks: 32 /banks: N /|32|0"
       "accumulators' ports|/^  REGISTER:/,/^engines:/s/ports: 2 /ports: N /|2|0"
       "accumulators' width|/^  REGISTER:/,/^engines:/s/_cycle: 512 /_cycle: N /|512|0"
       "accumulators' banks|/^  REGISTER:/,/^engines:/s/banks: 8 /banks: N /|8|0"
       "engines' width|/^  load:/,/^  interconnect:/s/_cycle: 512 /_cycle: N /|512|0")
products=(examples/gemm/gemm.py --mapping mappings/gemm/dsa_cloud.yaml --dtype f16)
images=(workloads/conv.py --mapping workloads/conv_cloud.yaml --dtype f16)

# cycles_of NAME: of a network on $folder/machine.yaml
cycles_of() {
  local options=(--workload "workloads/$1.yaml")
  [[ $1 == "resnet50 as products" ]] && options=("${products[@]}" --workload workloads/resnet50.csv)
  [[ $1 == "resnet50 from images" ]] && options=("${images[@]}" --workload workloads/resnet50.csv)
  "$sim" "${options[@]}" --target "$folder/machine.yaml" |
    sed -nE 's/^total: ([0-9]+) cycles.*/\1/p'
}
networks=("$@")
[[ $# -gt 0 ]] || networks=("resnet50 from images" "resnet50 as products" bert_base llama3_8b_decode
                            llama3_8b_prefill)

echo "date $(date -I), commit $(git rev-parse --short HEAD)"
echo
echo "| network | cycles | worst step, % | part | times |"
echo "|---|---|---|---|---|"
failed=0
for network in "${networks[@]}"; do
  steps=""  # lines of part, times, cycles
  for part in "${parts[@]}"; do
    IFS='|' read -r name change first second <<<"$part"
    for times in 1 2 4 8; do
      new=$(awk "BEGIN { print $first * $times }")
      change_now=$(sed -E "s/\\bN\\b/$new/g; s/\\bM\\b/$((second * times))/g" <<<"$change")
      sed -e "$change_now" targets/dsa_cloud.yaml >"$folder/machine.yaml"
      if ((times > 1)) && cmp -s "$folder/machine.yaml" targets/dsa_cloud.yaml; then
        echo "dsa_cloud.yaml does not say ${name} as expected here" >&2
        exit 1
      fi
      steps+="$name|$times|$(cycles_of "$network")"$'\n'
    done
  done
  awk -F'|' -v network="$network" '
    $2 == 1 { least = $3; base = $3 }
    $2 > 1 {
      more = 100 * ($3 / least - 1)
      if (!seen++ || more > worst) { worst = more; part = $1; times = $2 }
      if ($3 < least) least = $3
    }
    END {
      printf "| %s | %d | %.2f | %s | %d |\n", network, base, worst, part, times
      exit worst > 0.5
    }' <<<"${steps%$'\n'}" || failed=1
done
exit "$failed"
