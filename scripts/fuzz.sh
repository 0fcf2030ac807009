#!/usr/bin/env bash
# Feeds every reader random bytes under AddressSanitizer and UndefinedBehaviorSanitizer (libFuzzer, clang), one after another.
#   scripts/fuzz.sh [RUNS|SECONDSs [FORMAT...]]   2,000,000 inputs each by default, or so many seconds each: `600s`
# The corpus stays in build/fuzz/corpus. `run` is a whole run directory, read by every verb: of RUNS it gets one where the
# others get a thousand.
# A crash stops the script and leaves its input in build/fuzz: make it a test of the reader before you mend it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

amount=${1:-2000000}
formats=("${@:2}")
((${#formats[@]})) || formats=(npy npz png idx csv toml safetensors network equation tokens table sweep run)

cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --target "${formats[@]/#/fuzz_}"
/usr/bin/python3 tests/data/fuzz/seeds.py build/fuzz/corpus
for format in "${formats[@]}"; do
  fuzzer=$(find build/fuzz/tests -name "fuzz_$format" -type f)
  limit=-runs=$amount
  [[ $format != run ]] || limit=-runs=$((${amount%s} / 1000))
  [[ $amount != *s ]] || limit=-max_total_time=${amount%s}
  log=build/fuzz/$format.log
  # Full paths: a fuzzer of whole directories works in a folder of its own.
  "$fuzzer" "$limit" -max_len=2048 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$PWD/build/fuzz/$format-" "$PWD/build/fuzz/corpus/$format" 2>&1 | tee "$log"
  echo "fuzz_$format: $(awk '/number_of_executed_units/ {print $2}' "$log") inputs, no finding"
done
