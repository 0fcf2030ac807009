"""Races of Starling and its rivals on the same work: threads, clocks, agreement, ratios with their spread.

A system's module has TITLE, ABOUT and `cases()`, of Case, and perhaps `facts()`, sentences with figures that are no race. Its process is
started with `settings(threads)` in its environment, which hold every library to as many threads. Each contestant is made and called
once, which compiles what it compiles; then all are timed in turn, round after round, so that a change of the clock or of the machine's
load meets all. A ratio is one round's; printed are its median and quartiles over the rounds.
"""

import dataclasses
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

THREADS = int(os.environ.get("PEERS_THREADS", "1"))

# One thread's time is the processor's, which other programs on the machine do not count in; several threads' is the wall's.
clock = time.process_time if THREADS == 1 else time.perf_counter


def settings(threads):
    """Environment variables that give every library as many threads, no accelerator, and JAX its double precision."""
    libraries = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    xla = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
    others = {
        "PEERS_THREADS": str(threads), "XLA_FLAGS": xla, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "CUDA_VISIBLE_DEVICES": "",
        "DDE_BACKEND": "pytorch",
    }
    return {f"{name}_NUM_THREADS": str(threads) for name in libraries} | others


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a contestant returns that times itself, as a program of its own does."""

    answer: Any
    seconds: float


@dataclasses.dataclass(frozen=True)
class Rival:
    """make() imports the library and returns the call that is timed, which returns the answer; what it raises is told in the table.

    expected: the answer to hold its own against, where that is not Starling's in this case: of a rival that computes something else.
    tolerance: of this rival alone; None is the case's.
    """

    name: str
    make: Callable[[], Callable[[], Any]]
    expected: Callable[[], Any] | None = None
    tolerance: float | None = None


@dataclasses.dataclass(frozen=True)
class Case:
    """One task. `difference(answer, expected)` must not exceed the tolerance; precision is that of the task's numbers.

    quick: part of a quick run. seconds: for which the rounds go on; at least `rounds` of them, at most 15.
    """

    name: str
    precision: str
    starling: Callable[[], Any]
    rivals: list[Rival]
    tolerance: float
    difference: Callable[[Any, Any], float] | None = None
    quick: bool = False
    seconds: float = 4.0
    rounds: int = 3


class CannotRun(Exception):
    """A rival's own word that it does not do this task."""


def relative(answer, expected):
    """The largest difference of two arrays beside the largest entry of the expected one."""
    import numpy as np

    answer, expected = np.asarray(answer, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if answer.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(answer - expected)) / np.max(np.abs(expected)))


def stay_on_cores():
    """As many cores as threads, the last ones, for this process and what it starts; where the system knows no affinity, nothing."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[-THREADS:]))


def torch():
    """PyTorch with the threads of all."""
    import torch as module

    module.set_num_threads(THREADS)
    return module


def spread(values):
    """[lower quartile, median, upper quartile]."""
    if len(values) == 1:
        return [values[0]] * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return [low, middle, high]


def _seconds(run, repeats):
    begin = clock()
    for _ in range(repeats):
        result = run()
        if isinstance(result, Measured):
            return result.seconds
    return (clock() - begin) / repeats


def _answer(result):
    return result.answer if isinstance(result, Measured) else result


def _why(error):
    if isinstance(error, ImportError):
        return f"not installed ({error})"
    if isinstance(error, CannotRun):
        return str(error)
    return f"could not run ({type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:160]})"


def _enter(case, rival, own_answer):
    """The rival's call and its line in the results: agreement is settled before anything is timed."""
    line = {"name": rival.name}
    try:
        run = rival.make()
        answer = _answer(run())
    except Exception as error:  # a rival may fail in any way of its own; the table says how
        return None, line | {"state": "missing", "why": _why(error)}
    expected = own_answer if rival.expected is None else rival.expected()
    found = (case.difference or relative)(answer, expected)
    allowed = case.tolerance if rival.tolerance is None else rival.tolerance
    state = "agrees" if found <= allowed else "disagrees"  # of a NaN too
    return run, line | {"state": state, "difference": found, "tolerance": allowed}


def _rounds(case, contestants, quick):
    """Seconds of each contestant, a list a round; short calls are repeated to 20 ms."""
    begin = time.monotonic()
    once = {name: _seconds(run, 1) for name, run in contestants.items()}
    repeats = {name: max(1, int(0.02 / max(taken, 1e-6))) for name, taken in once.items()}
    done = int(max(repeats.values()) == 1)  # where no call is short, that was a round
    times = {name: [once[name]] * done for name in contestants}
    while done < case.rounds or (not quick and done < 15 and time.monotonic() - begin < case.seconds):
        for name, run in contestants.items():
            times[name].append(_seconds(run, repeats[name]))
        done += 1
    return times


def race(case, quick=False):
    """The case's results as plain data, or with `error` where Starling itself fails."""
    result = {"name": case.name, "precision": case.precision, "rivals": []}
    try:
        own = case.starling
        own_answer = _answer(own())
    except Exception as error:
        return result | {"error": f"Starling: {type(error).__name__}: {error}"}
    contestants = {"Starling": own}
    for rival in case.rivals:
        run, line = _enter(case, rival, own_answer)
        result["rivals"].append(line)
        if run is not None and line["state"] == "agrees":
            contestants[rival.name] = run
    times = _rounds(case, contestants, quick)
    result |= {"seconds": spread(times["Starling"]), "rounds": len(times["Starling"])}
    for line in result["rivals"]:
        if line["name"] in times:
            line["ratio"] = spread([theirs / ours for theirs, ours in zip(times[line["name"]], times["Starling"])])
    return result


def failures(systems):
    """What is wrong in the results of all systems, in words: an empty list, or the run has failed."""
    found = []
    for system in systems:
        if "error" in system:
            found.append(f"{system['title']}: {system['error']}")
        for case in system.get("cases", []):
            where = f"{system['title']}, {case['name']}, {case['precision']}"
            if "error" in case:
                found.append(f"{where}: {case['error']}")
            for line in case["rivals"]:
                if line["state"] == "disagrees":
                    found.append(f"{where}: {line['name']} differs by {line['difference']:.1e}; allowed are {line['tolerance']:.0e}")
    return found


def say(text):
    print(text, file=sys.stderr, flush=True)
