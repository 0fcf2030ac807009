#!/usr/bin/env bash
# Trains a generator of handwritten digits and draws its report, from nothing but a clone.
#   ./demo.sh [OUT]   OUT defaults to demo-run, or the first of demo-run-2, demo-run-3, ... that does not exist
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fresh() { # the first of NAME, NAME-2, NAME-3, ... that does not exist
  local candidate=$1 number=2
  while [[ -e $candidate ]]; do
    candidate=$1-$number
    number=$((number + 1))
  done
  echo "$candidate"
}

scripts/build.sh starling_executable
out=$(fresh "${1:-demo-run}")
build/release/bin/starling run examples/digits.toml --out "$out" --threads 2
