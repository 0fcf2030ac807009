#!/usr/bin/env bash
# Crashes runs of every system and a sweep: kills, full disks, sealed folders, clocks that jump, too little memory (as root: mounts small disks).
#   scripts/crash.sh [GTEST_FILTER]   needs build/release configured; a quarter of an hour
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --build --preset release --parallel "$(nproc)" --target test_crash
build/release/tests/cli/test_crash --gtest_filter="${1:-*}"
