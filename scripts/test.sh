#!/usr/bin/env bash
# Builds SepTran and runs its tests: all of them in the release build, the fast ones again with
# AddressSanitizer and UndefinedBehaviorSanitizer. The last line of the output counts both runs.
# Exit code 0 only if everything was built and nothing failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

passed=0
failed=0
skipped=0

# outcome ATTRIBUTE RESULTS: a count from the head of a JUnit file that ctest wrote, 0 if none.
outcome() {
  local count
  count=$(grep -m 1 -oE "[[:space:]]$1=\"[0-9]+\"" "$2" | head -n 1 | tr -dc 0-9)
  echo "${count:-0}"
}

# check PRESET: builds it and runs its tests. A build that fails counts as one failure.
check() {
  local preset=$1 results="$PWD/build/$1/test_results.xml" ran fell left_out
  echo "== $preset =="
  if ! cmake --preset "$preset" || ! cmake --build --preset "$preset"; then
    echo "test.sh: the $preset build failed"
    failed=$((failed + 1))
    return
  fi
  rm -f "$results"
  if ctest --preset "$preset" --no-tests=error --output-junit "$results"; then
    fell=0
  else
    fell=$(outcome failures "$results")
    fell=$((fell > 0 ? fell : 1))
  fi
  ran=$(outcome tests "$results")
  left_out=$(($(outcome disabled "$results") + $(outcome skipped "$results")))
  if ((ran > fell + left_out)); then
    passed=$((passed + ran - fell - left_out))
  fi
  failed=$((failed + fell))
  skipped=$((skipped + left_out))
}

if ! scripts/setup.sh; then
  echo "test.sh: the packages that SepTran needs are not all there"
  failed=1
else
  check release
  check asan
fi

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
