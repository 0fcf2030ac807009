#!/usr/bin/env bash
# clang-tidy, with the checks of .clang-tidy, over the sources of the library, the command line and the Python module.
#   scripts/lint.sh           all of starling/ and python/; a few files of a folder at a time, as the sanitizers' build
#                             compiles them: most of the time goes into the headers that they share
#   scripts/lint.sh FILE...   these
# Needs a configured build/release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tidy() {
  local build=$1
  shift
  # Warnings that only GCC knows stand in the compile commands; a file of files includes sources.
  printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet --checks=-bugprone-suspicious-include \
    --header-filter='/starling/.*\.(h|cc)$' --extra-arg=-Wno-unknown-warning-option 2> /dev/null
}

if (($#)); then
  tidy build/release "$@"
  echo "clang-tidy: nothing to say about $# files"
  exit
fi
cmake --preset asan > /dev/null
mapfile -t together < <(grep -oP '"file": "\K[^"]+' build/asan/compile_commands.json |
  grep -E "^$PWD/(build/asan/)?starling/" | grep -v '/assets\.cc$')
((${#together[@]} > 20)) || { echo "lint: build/asan/compile_commands.json names no sources" >&2; exit 1; }
tidy build/asan "${together[@]}"
mapfile -t module < <(git ls-files 'python/*.cc')
tidy build/release "${module[@]}"
echo "clang-tidy: nothing to say about starling/ and python/"
