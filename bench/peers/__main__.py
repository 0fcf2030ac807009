"""Runs Starling and its rivals side by side and writes the tables of docs/performance.md.

    bench/peers/run.sh [--only field,pinn] [--quick] [--no-write]

Each system's module runs in a process of its own. The results of complete runs are kept in build/peers/results, so that --only renews
one system's table and leaves the others. Exit code 1 where an answer disagrees or Starling fails; a rival that is not installed or
cannot run is told in the table and is no failure.
"""

import argparse
import datetime
import importlib
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import harness
import table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SYSTEMS = ["field", "students", "muon", "deep", "gpt", "pinn"]
PACKAGES = ["numpy", "scipy", "torch", "jax", "optax", "deepxde", "pykeops"]


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="SYSTEM,...", help=f"some of {', '.join(SYSTEMS)}; default all")
    parser.add_argument("--quick", action="store_true", help="one small task or two a system, three rounds; writes nothing")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md as it is")
    parser.add_argument("--threads", type=int, default=1, help="of every library, on as many cores; beyond 1 times are the wall's")
    parser.add_argument("--child", choices=SYSTEMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.systems = options.only.split(",") if options.only else SYSTEMS
    for name in options.systems:
        if name not in SYSTEMS:
            parser.error(f"--only: unknown system {name!r}; expected some of {', '.join(SYSTEMS)}")
    folder, missing = ROOT / "build/peers/results", []
    for name in SYSTEMS:
        if name not in options.systems and not (folder / f"{name}.json").exists():
            missing.append(name)
    if missing and not (options.quick or options.no_write or options.child):
        parser.error(
            f"--only: no results of {', '.join(missing)} are kept in build/peers/results, and the page would lose their tables; race them "
            "too, or give --no-write"
        )
    if options.threads < 1:
        parser.error(f"--threads: {options.threads}; expected at least 1")
    return options


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def environment(threads):
    """One paragraph: when, on what, with which versions."""
    import starling

    def of(package):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return f"{package} (not installed)"

    cores = "one core" if threads == 1 else f"{threads} cores"
    return (
        f"{datetime.date.today()}, {processor()}, {cores} of {os.cpu_count()}; Python {platform.python_version()}, Starling {starling.__version__} "
        f"({starling.vector_target}), {', '.join(map(of, PACKAGES))}."
    )


def child(name, quick, threads):
    """Runs one system's cases here; its results go to standard output."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no result
    harness.stay_on_cores()
    module = importlib.import_module(name)
    results = []
    for case in module.cases():
        if quick and not case.quick:
            continue
        harness.say(f"peers: {module.TITLE}, {case.name}, {case.precision}")
        results.append(harness.race(case, quick))
    facts = list(module.facts()) if hasattr(module, "facts") and not quick else []
    found = {"title": module.TITLE, "about": module.ABOUT, "cases": results, "facts": facts, "environment": environment(threads)}
    json.dump(found, out)
    out.close()


def run_system(name, options):
    command = [sys.executable, str(HERE), "--child", name, "--threads", str(options.threads), *(["--quick"] if options.quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=os.environ | harness.settings(options.threads))
    if done.returncode != 0:
        return {"title": name, "about": "", "error": f"the process ended with code {done.returncode}", "environment": ""}
    return json.loads(done.stdout)


def kept(systems, results):
    """The newest complete result of each system, these ones put in."""
    folder = ROOT / "build/peers/results"
    folder.mkdir(parents=True, exist_ok=True)
    for name, result in zip(systems, results):
        (folder / f"{name}.json").write_text(json.dumps(result, indent=1))
    return [json.loads(path.read_text()) for path in (folder / f"{name}.json" for name in SYSTEMS) if path.exists()]


def main():
    options = arguments()
    if options.child:
        return child(options.child, options.quick, options.threads)
    results = [run_system(name, options) for name in options.systems]
    print(table.of_run(results))
    failed = harness.failures(results)
    for failure in failed:
        harness.say(f"peers: {failure}")
    if not (options.quick or options.no_write or failed):
        page = ROOT / "docs/performance.md"
        page.write_text(table.replaced(page.read_text(), table.of_run(kept(options.systems, results))))
        harness.say(f"peers: wrote {page.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
