#!/usr/bin/env bash
# fuzz.sh [SECONDS [HARNESS...]]: builds the fuzzers (clang's libFuzzer with AddressSanitizer and
# UndefinedBehaviorSanitizer) and runs each for SECONDS (60), one after the other. What it finds is
# kept in build/fuzz/found/<harness>, what it learns in build/fuzz/corpus/<harness>.
# Exit code 0 only if no input crashed, hung, leaked or took too much memory.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
seconds=${1:-60}
shift $(($# > 0))
names=("$@")
((${#names[@]})) || names=(npy machine assembly program tile mapping logic compile)

[[ -f build/fuzz/CMakeCache.txt ]] || cmake --preset fuzz || exit
cmake --build --preset fuzz || exit
folder=$PWD/build/fuzz
"$folder/tests/write_seeds" "$folder/seeds" || exit

status=0
for name in "${names[@]}"; do
  mkdir -p "$folder/corpus/$name" "$folder/found/$name"
  # In a folder of its own: `extends` of a mapping reads files.
  if ! (cd "$folder/found/$name" &&
    "$folder/tests/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1500 \
      -max_len=20000 -artifact_prefix="$folder/found/$name/" -print_final_stats=1 \
      "$folder/corpus/$name" "$folder/seeds/$name" </dev/null); then
    echo "fuzz.sh: $name failed; see build/fuzz/found/$name"
    status=1
  fi
done
exit "$status"
