#!/usr/bin/env bash
# Builds everything and runs every test: C++, the installed library, Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

scripts/build.sh
ctest --preset release

echo "The library as another project sees it:"
rm -rf build/install build/find_package
cmake --install build/release --prefix build/install --component development > /dev/null
cmake -S examples/find_package -B build/find_package -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$PWD/build/install"
cmake --build build/find_package
build/find_package/two_clouds

echo "A system of one's own beside the five:"
cmake -S examples/sixth_system -B build/sixth -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$PWD/build/install" > /dev/null
cmake --build build/sixth
build/sixth/oscillators claims oscillators

echo "The site:"
build/venv/bin/python docs/site/build.py

echo "The packages:"
scripts/package.sh quick

PYTHONPATH=build/release/python STARLING_PROGRAM="$PWD/build/release/bin/starling" build/venv/bin/python -m pytest -q python/tests
