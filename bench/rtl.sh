#!/usr/bin/env bash
# Holds the model of the matrix array against its RTL on matrix products of i8: the cycles of whole
# programs on arrays of 4 x 4, 8 x 8 and 16 x 16, with the rest of dsa_edge around them. Results have
# to be the same bit for bit. Prints a Markdown table with the error's mean and worst.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sim=${SEPTRAN_SIM:-build/release/bin/septran-sim}
[[ -x $sim ]] || { echo "build the release preset first (scripts/demo.sh)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "| m, n, k | array | model | RTL | error | array busy: model | RTL |"
echo "|---|---|---|---|---|---|---|"
for size in 4 8 16; do
  sed -e "s/^    rows: 16 /    rows: $size /; s/^    cols: 16 /    cols: $size /" \
    -e 's/^    element_cycles: 1 /    element_cycles: 3 /' targets/dsa_edge.yaml >"$folder/t.yaml"
  for shape in "1 64 256" "7 100 33" "16 16 16" "64 64 64" "130 70 200" "128 128 128" "200 48 512"; do
    read -r m n k <<<"$shape"
    "$sim" examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml --target "$folder/t.yaml" \
      --dtype i8 --dtype C=i32 -D "M=$m" -D "N=$n" -D "K=$k" --mma rtl >"$folder/out"
    grep -q '^results the same, bit for bit' "$folder/out"
    awk -v shape="$m, $n, $k" -v size="$size" '
      /^whole program/ { model = $3; rtl = $4; error = $5 }
      /^array busy/ { print "| " shape " | " size " x " size " | " model " | " rtl " | " error \
        " % | " $3 " | " $4 " |" }' "$folder/out"
  done
done | tee "$folder/table"
awk -F'|' '{ e = $6 + 0; if (e < 0) e = -e; sum += e; if (e > worst) worst = e; ++n }
  END { printf "\nError of the model on whole programs: mean %.3f %%, worst %.3f %%, %d programs.\n",
    sum / n, worst, n }' "$folder/table"
