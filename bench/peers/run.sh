#!/usr/bin/env bash
# Starling and its rivals, side by side: builds Starling where it is not built, makes build/peers with the rivals of requirements.txt,
# runs them on the same work, checks that the answers agree, and writes the tables of docs/performance.md.
#   bench/peers/run.sh [--only SYSTEM,...] [--quick] [--no-write]      see --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

venv=build/peers
wanted=bench/peers/requirements.txt

[[ -x build/release/bench/bench_gpt && -x build/release/bench/bench_deep && -n $(compgen -G "build/release/python/starling/_core*.so") ]] ||
  scripts/build.sh _core bench_gpt bench_deep

if ! cmp -s "$wanted" "$venv/installed.txt"; then
  echo "peers: making $venv"
  /usr/bin/python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" ||
    grep -v '^#' "$wanted" | while read -r package; do
      "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$package" || echo "peers: could not install $package" >&2
    done
  cp "$wanted" "$venv/installed.txt"
fi

# Every library chooses its kernels itself, for the processor that it finds.
exec env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE PYTHONPATH="$PWD/build/release/python" "$venv/bin/python" bench/peers "$@"
