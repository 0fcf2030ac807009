#!/usr/bin/env bash
# Makes the packages and proves each where nothing of this folder is at hand.
#   scripts/package.sh         both Debian packages and the wheel, from builds that run on any x86-64-v3 machine, into dist/;
#                              the Debian packages are then installed into a fresh Debian (needs root, debootstrap and a mirror),
#                              the wheel into a fresh environment
#   scripts/package.sh quick   packs build/release as it stands, unpacks it into an empty folder, and builds the example by
#                              pkg-config: what test.sh does, in seconds
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
here=$PWD

say() { echo "package: $1"; }

debian_packages() { # BUILD: into BUILD/packages
  rm -rf "$1/packages"
  (cd "$1" && cpack -G DEB -B packages > packages.log 2>&1) || { cat "$1/packages.log" >&2; return 1; }
}

# The installed program by its name, its manual and its completions.
use_program() { # RUN...: how a command is run in that root
  "$@" starling doctor
  "$@" sh -c 'cd /usr/share/doc/starling && starling run examples/students/census.toml --set "problem.students=[2]" \
    --out /tmp/census --quiet && test -s /tmp/census/report.html'
}

quick() {
  local root=build/package-root
  debian_packages build/release
  rm -rf "$root"
  mkdir -p "$root"
  for package in build/release/packages/*.deb; do
    say "$(dpkg-deb -f "$package" Package Version Depends | tr '\n' ' ' | cut -c1-200)"
    dpkg-deb -x "$package" "$root"
  done
  for file in bin/starling share/man/man1/starling.1.gz share/man/man5/starling-pinn.5.gz lib/libstarling_base.a \
    share/bash-completion/completions/starling share/zsh/vendor-completions/_starling lib/pkgconfig/starling.pc \
    include/starling/base/error.h lib/cmake/starling/starlingConfig.cmake share/doc/starling/examples/digits.toml; do
    [[ -s $root/usr/$file ]] || { say "the packages lack usr/$file" >&2; exit 1; }
  done
  "$root/usr/bin/starling" --version
  gzip -dc "$root/usr/share/man/man1/starling.1.gz" | grep -q 'starling sweep SPEC'
  bash -c 'source "$1"; COMP_WORDS=(starling new d); COMP_CWORD=2; _starling; [[ ${COMPREPLY[*]} == "drift depth" ]]' \
    bash "$root/usr/share/bash-completion/completions/starling"
  local flags
  flags=$(PKG_CONFIG_PATH="$root/usr/lib/pkgconfig" pkg-config --define-prefix --cflags --libs starling)
  # shellcheck disable=SC2086
  g++ -std=c++20 -O2 examples/find_package/main.cc -o build/package-root/two_clouds $flags
  build/package-root/two_clouds
}

# Built as any user's pip builds it, but with the packages at hand; then used where neither this folder nor a compiler is.
wheel() {
  local python=build/venv/bin/python
  rm -rf build/wheelhouse
  mkdir -p build/wheelhouse dist
  CXX=${CXX:-/usr/bin/c++} "$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheelhouse .
  if grep -q 'march=native' build/wheel/compile_commands.json; then
    say "the wheel is built for this processor alone" >&2
    exit 1
  fi
  rm -f dist/starling-*.whl
  PATH="$here/build/venv/bin:$PATH" "$python" -m auditwheel repair --wheel-dir dist build/wheelhouse/starling-*.whl
  use_wheel dist/starling-*.whl
}

use_wheel() { # FILE
  local fresh
  fresh=$(mktemp -d)
  /usr/bin/python3 -m venv "$fresh/venv"
  "$fresh/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$1"
  cp data/digits.npz "$fresh/"
  (cd "$fresh" && env -i HOME="$fresh" PATH=/nowhere venv/bin/python - << 'PYTHON'
import pathlib

import numpy as np
import starling

core = pathlib.Path(starling.__file__).resolve()
assert pathlib.Path("venv").resolve() in core.parents, core
wide = any(line.startswith("flags") and " avx512f " in line for line in open("/proc/cpuinfo"))
assert starling.vector_target.startswith("AVX3" if wide else "AVX2"), starling.vector_target
u = starling.muon.orthogonalize(np.random.default_rng(1).normal(size=(64, 256)), epsilon=1e-3)
assert np.abs(u @ u.T - np.eye(64)).max() < 1e-2
digits = {"source": "file", "path": "digits.npz", "rescale": "unit"}
run = starling.run({"system": "drift", "data": digits, "train": {"steps": 5}, "generator": {"width": 32}}, out="drift")
assert run.sample(4, seed=1).shape == (4, 64) and (run.path / "report.html").is_file()
run = starling.run({"system": "muon", "data": {"path": "digits.npz"}, "train": {"steps": 60}}, out="muon")
arrays = np.load("digits.npz")
points = next(arrays[name] for name in arrays if arrays[name].ndim > 1)
assert np.allclose(run.predict(points[:9].reshape(9, -1)).sum(axis=1), 1, atol=1e-5)
equation = "u_xx = 0\ndomain x = 0..1\nu(0) = 0\nu(1) = 1"
run = starling.run({"system": "pinn", "job": "solve", "problem": {"equation": equation}, "train": {"steps": 200}}, out="pinn")
assert abs(run.predict([[0.5]])[0, 0] - 0.5) < 1e-3
mapped = open("/proc/self/maps").read()
for library in ("libtbb", "libonnx_proto", "libsqlite3", "libfmt", "libhwy", "libprotobuf", "libfftw3", "libsundials", "libtomlplusplus"):
    assert f"starling.libs/{library}" in mapped, f"the wheel's {library} is not used"
    if library != "libsqlite3":  # Python's own module brings the system's beside it
        assert f"/usr/lib/x86_64-linux-gnu/{library}" not in mapped, f"{library} is the system's"
print("package: the wheel trains and answers by itself, with", starling.vector_target)
PYTHON
  )
  rm -rf "$fresh"
}

debian() {
  local root=build/debian-root suite
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  cmake --preset portable -DSTARLING_TESTS=OFF -DSTARLING_BENCH=OFF -DSTARLING_PYTHON=OFF > /dev/null
  cmake --build --preset portable --parallel "$(nproc)"
  debian_packages build/portable
  rm -f dist/*.deb
  mkdir -p dist
  cp build/portable/packages/*.deb dist/
  if [[ ! -e build/debian-base.tar ]]; then
    say "making a fresh Debian $suite"
    rm -rf "$root"
    debootstrap --variant=minbase "$suite" "$root" > build/debootstrap.log
    cp /etc/apt/sources.list "$root/etc/apt/" 2> /dev/null || true
    cp /etc/apt/sources.list.d/* "$root/etc/apt/sources.list.d/" 2> /dev/null || true
    tar -C "$root" -cf build/debian-base.tar .
  fi
  rm -rf "$root"
  mkdir -p "$root"
  tar -C "$root" -xf build/debian-base.tar
  cp /etc/resolv.conf "$root/etc/" 2> /dev/null || true
  cp dist/*.deb "$root/tmp/"
  cp -r examples/find_package "$root/tmp/"
  local -a inside=(chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"})
  "${inside[@]}" apt-get -q update > build/debian.log
  "${inside[@]}" sh -c 'apt-get -q install -y --no-install-recommends /tmp/starling_*.deb' >> build/debian.log 2>&1
  use_program "${inside[@]}"
  say "installing the libraries, g++ and cmake there"
  "${inside[@]}" sh -c 'apt-get -q install -y --no-install-recommends /tmp/libstarling-dev_*.deb g++ cmake make pkg-config man-db' \
    >> build/debian.log 2>&1
  # minbase leaves manual pages out only where dpkg is told to; here the page itself is looked at.
  "${inside[@]}" sh -c 'man /usr/share/man/man1/starling.1.gz | grep -q "starling sweep SPEC"'
  "${inside[@]}" sh -c 'cmake -S /tmp/find_package -B /tmp/two -DCMAKE_BUILD_TYPE=Release && cmake --build /tmp/two && /tmp/two/two_clouds'
  "${inside[@]}" sh -c 'cd /tmp && g++ -std=c++20 -O2 find_package/main.cc -o by_pkg_config $(pkg-config --cflags --libs starling) && ./by_pkg_config'
  "${inside[@]}" sh -c 'apt-get -q remove -y starling libstarling-dev && ! command -v starling' >> build/debian.log 2>&1
  say "both Debian packages install into a fresh $suite, work there, and go without a trace of the program"
}

case "${1:-all}" in
  quick) quick ;;
  wheel) wheel ;;
  debian) debian ;;
  all)
    scripts/setup.sh python
    debian
    wheel
    ls -l dist
    ;;
  *) say "unknown argument '$1'; expected nothing, quick, wheel or debian" >&2; exit 2 ;;
esac
