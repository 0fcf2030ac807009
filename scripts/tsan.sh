#!/usr/bin/env bash
# The tests whose loops run in several threads, under ThreadSanitizer; a race fails. Half an hour to build, minutes to run.
#   scripts/tsan.sh [FOLDER...]   tests/FOLDER, by default all that run in parallel. Nothing is left
#   out: under ThreadSanitizer loops run in threads of ours and not in oneTBB's, which it cannot see into
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folders=("$@")
((${#folders[@]})) || folders=(base comm math kernels nets optim metrics study drift students muon depth pinn)
# What claims to be the same for any number of threads, the loops themselves, and what runs tasks side by side.
tests='*Thread*:*Parallel*:SharedLoop*:TaskGrid*:Sweep*'

cmake --preset tsan > /dev/null
cmake --build --preset tsan --target "${folders[@]/#/test_}"
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 ${TSAN_OPTIONS:-}"
for folder in "${folders[@]}"; do
  "$(find build/tsan/tests -name "test_$folder" -type f)" --gtest_filter="$tests" --gtest_brief=1
  echo "tsan: $folder: no race"
done
