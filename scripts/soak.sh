#!/usr/bin/env bash
# An hour of work in processes that do not end: the training of every system, and a Python session that trains, studies, samples,
# predicts and fails by turns. Fails where memory grows; the rule stands at the top of scripts/soak.py.
#   scripts/soak.sh [MINUTES]   60 by default; every sample of memory goes to build/soak/rss.csv
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -x build/release/bin/starling && -d build/release/python/starling ]] || scripts/build.sh starling_executable _core
build/venv/bin/python scripts/soak.py "${1:-60}"
