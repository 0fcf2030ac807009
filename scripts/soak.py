"""Watches the memory of processes that work for long: `scripts/soak.sh` starts it.

The rule. A process's resident memory is read every second. The first third of its life is left out: buffers, pools of threads and
the allocator's arenas fill then. What follows is cut into 20 blocks, and a line is fitted to their medians by least squares.
The process is *flat* when the 95% interval of the slope (Student, 18 degrees of freedom) lies below 8 MiB an hour, it *grows* when
the interval lies above that, and otherwise it ran too shortly to say. Only *flat* passes. It takes a machine that does little else: a
training that gets no processor is still filling its buffers when its time is over.
"""

import csv
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"
PROGRAM = BUILD / "bin" / "starling"
WORK = ROOT / "build" / "soak"
LIMIT = 8.0  # MiB an hour
BLOCKS, STUDENT = 20, 2.101  # Student's t of 18 degrees of freedom at 97.5%

# One training of each system that does not end by itself, measured and saved often.
TRAININGS = {
    "drift": ["digits.toml", "train.steps=1000000", "train.checkpoint_every=100"],
    "students": ["students/compress.toml", "teacher.steps=10000000"],
    "muon": ["muon/train.toml", "train.steps=1000000", "train.checkpoint_every=100", "train.measurements=10000"],
    "depth": ["depth/text.toml", "train.steps=1000000", "train.checkpoint_every=20", "train.measurements=10000"],
    "pinn": ["pinn/heat.toml", "train.adam_steps=1000000000", "train.checkpoint_every=100", "train.measurements=10000"],
}

# Short runs of the Python session, and what is asked of each afterwards.
DIGITS = {"data__path": "data/digits.npz"}
RUNS = {
    "digits.toml": {**DIGITS, "train__steps": 20, "train__evaluation": 100, "train__repeats": 2},
    "particles.toml": {"target__points": 200, "motion__steps": 50},
    "drift-study.toml": {"study__particles": [8, 12, 16], "study__replicates": 3, "study__horizon": 0.1},
    "students/census.toml": {"problem__students": [1, 2]},
    "students/compress.toml": {"input__path": "data/digits.npz", "student__neurons": [8], "teacher__steps": 50, "search__starts": 2,
                               "search__steps": 5, "rivals__steps": 20},
    "muon/train.toml": {**DIGITS, "train__steps": 30},
    "muon/flow.toml": {"flow__horizon": 1, "claims__chaos_particles": [4, 8, 16], "claims__chaos_replicates": 4,
                       "claims__chaos_reference": 200, "claims__replicates": 3},
    "depth/text.toml": {"train__steps": 20, "train__measurements": 2},
    "depth/sequence.toml": {**DIGITS, "train__steps": 20, "train__measurements": 2},
    "depth/limit.toml": {"study__layers": [4, 8, 16], "study__heads": [1, 2], "study__steps": [0, 2], "study__replicas": 8,
                         "study__transfer_layers": [2, 4], "study__transfer_replicas": 2, "study__token_counts": [4, 8],
                         "study__widths": [8, 12]},
    "pinn/heat.toml": {"train__steps": 30},
    "pinn/bounds.toml": {"study__replicates": 50, "study__classes": 4, "class__members": 16, "train__points": [8, 24, 64],
                         "train__runs": 3, "train__steps": 100},
}


def session(seconds):
    """Trains, studies, samples, predicts and fails, over and over, in this one process."""
    sys.path.insert(0, str(BUILD / "python"))
    import numpy as np

    import starling

    os.chdir(ROOT)
    random = np.random.default_rng(1)
    ends = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < ends:
        for spec, overrides in RUNS.items():
            out = WORK / "session"
            shutil.rmtree(out, ignore_errors=True)
            run = starling.run(ROOT / "examples" / spec, out=out, seed=rounds + 1, **overrides)
            assert run.metrics or run.claims
            if spec == "digits.toml":
                assert run.sample(50).shape == (50, 64)
            elif spec == "depth/text.toml":
                assert run.sample(20, prompt="The ")
            elif spec in ("muon/train.toml", "depth/sequence.toml"):
                assert len(run.predict(random.normal(size=(5, 64)))) == 5
            elif spec == "pinn/heat.toml":
                assert len(run.predict(random.uniform(size=(50, 2)))) == 50
        x, y = random.normal(size=(200, 3)), random.normal(size=(300, 3))
        starling.drift.velocity(x, y, field="conservative", kernel="gaussian", scale=0.6)
        starling.metrics.energy_distance(x, y)
        starling.students.census(3, 4, 5, seeds=50)
        starling.muon.orthogonalize(random.normal(size=(64, 256)), epsilon=1e-3)
        parameter = random.normal(size=(64, 32))
        starling.optim.Muon([parameter], lr=0.02).step([parameter])
        starling.depth.limit(random.normal(size=(4, 8, 2, 2)), random.normal(size=(3, 2)), random.normal(size=(3, 2)))
        for wrong in ({"system": "drfit"}, {"system": "pinn", "problem": {"equation": "u_t = "}}):
            try:
                starling.run(wrong, out=WORK / "wrong")
            except ValueError:
                continue
            raise AssertionError(f"{wrong} was run")
        rounds += 1
    print(f"soak: the session had {rounds} rounds of {len(RUNS)} runs", flush=True)


def resident(pid):
    """MiB of memory that a process holds; None once it has ended."""
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGESIZE") / 2**20 or None


def median(values):
    values = sorted(values)
    return (values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2


def slope(samples):
    """(MiB an hour, half of its 95% interval) over the last two thirds of [(seconds, MiB)]."""
    settled = samples[len(samples) // 3 :]
    edges = [len(settled) * b // BLOCKS for b in range(BLOCKS + 1)]
    blocks = [settled[a:b] for a, b in itertools.pairwise(edges)]
    t = [sum(s for s, _ in block) / len(block) / 3600 for block in blocks]
    m = [median([value for _, value in block]) for block in blocks]
    centre, level = sum(t) / BLOCKS, sum(m) / BLOCKS
    spread = sum((a - centre) ** 2 for a in t)
    rate = sum((a - centre) * (b - level) for a, b in zip(t, m)) / spread
    rest = sum((b - level - rate * (a - centre)) ** 2 for a, b in zip(t, m))
    return rate, STUDENT * (rest / (BLOCKS - 2) / spread) ** 0.5


def verdict(rate, half):
    return "flat" if rate + half < LIMIT else "grows" if rate - half > LIMIT else "too short to say"


def start(name, seconds):
    if name == "session":
        command = [sys.executable, __file__, "session", str(seconds)]
    else:
        spec, *overrides = TRAININGS[name]
        sets = [word for override in overrides for word in ("--set", override)]
        command = [str(PROGRAM), "run", f"examples/{spec}", *sets, "--out", str(WORK / name), "--threads", "1", "--quiet"]
    return subprocess.Popen(command, cwd=ROOT)


def follow(names, whole, samples):
    """Starts the session and one training after another, and samples their memory every second."""
    share = whole / len(names)
    began = time.monotonic()
    running = {"session": start("session", whole)}
    for name in names:
        running[name] = start(name, share)
        starts = time.monotonic()
        while time.monotonic() < starts + share:
            time.sleep(1)
            for each, process in running.items():
                memory = resident(process.pid)
                if process.poll() is None and memory is not None:
                    samples[each].append((time.monotonic() - began, memory))
                elif each != "session" or process.returncode:
                    sys.exit(f"soak: {each} ended by itself with {process.returncode}")
        training = running.pop(name)
        training.send_signal(signal.SIGTERM)
        if training.wait(timeout=600) != 130:
            sys.exit(f"soak: {name} ended with {training.returncode}; expected 130, interrupted and resumable")
    if running["session"].wait(timeout=600) != 0:
        sys.exit("soak: the session failed")


def watch(minutes):
    if not minutes >= 5:
        sys.exit(f"soak: {minutes:g} minutes; expected at least 5, since a training gets a fifth of them and its line a minute's samples")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    whole = 60 * minutes
    names = list(TRAININGS)
    samples = {name: [] for name in ["session", *names]}
    try:
        follow(names, whole, samples)
    finally:  # what was seen of the others is worth keeping where one fails
        with open(WORK / "rss.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["process", "seconds", "mebibytes"])
            for name, rows in samples.items():
                writer.writerows((name, f"{t:.1f}", f"{m:.2f}") for t, m in rows)
    bad = 0
    for name, rows in samples.items():
        rate, half = slope(rows)
        said = verdict(rate, half)
        bad += said != "flat"
        print(f"soak: {name:9} {(rows[-1][0] - rows[0][0]) / 60:5.1f} min  {rows[-1][1]:6.1f} MiB  {rate:+7.2f} ± {half:.2f} MiB/h  {said}")
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1] == "session":
        session(float(sys.argv[2]))
    else:
        sys.exit(watch(float(sys.argv[1])))
