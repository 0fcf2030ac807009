#!/usr/bin/env bash
# Builds the site into build/site/html from docs/, running its commands and drawing its pictures; needs build/release.
#   scripts/site.sh          then open build/site/html/index.html
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh python
build/venv/bin/python docs/site/build.py
