#!/usr/bin/env bash
# clang-tidy, with the checks of .clang-tidy, over the sources of the library, the command line and the Python module.
#   scripts/lint.sh           all of starling/ and python/, a folder's files together: most of the time goes into the headers
#                             that they share
#   scripts/lint.sh FILE...   these
# Needs a configured build/release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tidy() {
  local build=$1
  shift
  # Warnings that only GCC knows stand in the compile commands; a file of files includes sources.
  printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet --checks=-bugprone-suspicious-include \
    --header-filter='/(starling|python)/.*\.(h|cc)$' --extra-arg=-Wno-unknown-warning-option 2> /dev/null
}

if (($#)); then
  # Compile commands of each file by itself.
  cmake --preset release -B build/lint-files -DPython_EXECUTABLE="$PWD/build/venv/bin/python" -DSTARLING_TESTS=OFF \
    -DSTARLING_BENCH=OFF -DCMAKE_UNITY_BUILD=OFF > /dev/null
  tidy build/lint-files "$@"
  echo "clang-tidy: nothing to say about $# files"
  exit
fi

sources_of() { # BUILD FOLDER: what the compile commands of that build name below that folder
  grep -oP '"file": "\K[^"]+' "$1/compile_commands.json" | grep -E "^$PWD/($1/)?$2/" | grep -v '/assets\.cc$'
}

cmake --preset asan -B build/lint -DSTARLING_TESTS=OFF -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 > /dev/null
mapfile -t together < <(sources_of build/lint starling)
mapfile -t module < <(sources_of build/release python)
((${#together[@]} && ${#module[@]})) || { echo "lint: the compile commands name no sources" >&2; exit 1; }
tidy build/lint "${together[@]}"
tidy build/release "${module[@]}"
echo "clang-tidy: nothing to say about starling/ and python/"
