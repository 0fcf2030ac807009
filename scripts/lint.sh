#!/usr/bin/env bash
# clang-tidy, with the checks of .clang-tidy, over the sources of the library, the command line and the Python module.
#   scripts/lint.sh [FILE...]   all of starling/ and python/ by default; needs a configured build/release
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

files=("$@")
((${#files[@]})) || mapfile -t files < <(git ls-files 'starling/*.cc' 'python/*.cc')
# Warnings that only GCC knows stand in the compile commands.
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" \
  clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option 2> /dev/null
echo "clang-tidy: nothing to say about ${#files[@]} files"
