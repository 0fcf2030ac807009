#!/usr/bin/env bash
# Sets up, configures and builds build/release, the one folder that demo.sh and test.sh share: always with the same
# options, so that neither makes the other build anew.
#   scripts/build.sh [TARGET...]   the named targets, or all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh python
cmake --preset release -DPython_EXECUTABLE="$PWD/build/venv/bin/python"
cmake --build --preset release --parallel "$(nproc)" ${1:+--target "$@"}
