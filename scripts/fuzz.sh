#!/usr/bin/env bash
# Feeds every reader random bytes under AddressSanitizer and UndefinedBehaviorSanitizer (libFuzzer, clang), one after another.
#   scripts/fuzz.sh [RUNS [FORMAT...]]   2,000,000 inputs each by default; the corpus stays in build/fuzz/corpus
# `run` is a whole run directory, read by every verb: it gets one input where the others get a thousand.
# A crash stops the script and leaves its input in build/fuzz: make it a test of the reader before you mend it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${1:-2000000}
formats=("${@:2}")
((${#formats[@]})) || formats=(npy npz png idx csv toml safetensors network equation tokens table sweep run)

cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --target "${formats[@]/#/fuzz_}"
/usr/bin/python3 tests/data/fuzz/seeds.py build/fuzz/corpus
for format in "${formats[@]}"; do
  fuzzer=$(find build/fuzz/tests -name "fuzz_$format" -type f)
  count=$runs
  [[ $format != run ]] || count=$((runs / 1000))
  "$fuzzer" -runs="$count" -max_len=2048 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/fuzz/$format-" "build/fuzz/corpus/$format"
  echo "fuzz_$format: $count inputs, no finding"
done
