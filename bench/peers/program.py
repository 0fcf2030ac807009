"""Training steps that a program of build/release/bench times itself: the same numbers in a file, a loss and its seconds a line."""

import statistics
import subprocess
import tempfile
from pathlib import Path

import harness

BENCH = Path(__file__).resolve().parents[2] / "build/release/bench"


class Steps:
    """A call whose answer is the losses of the first steps from the given start, its seconds the median of a step but for the first, which
    takes memory from the system: a rival's have done so in the call that agreement is told from."""

    def __init__(self, program, arrays, words, steps):
        self._file = tempfile.NamedTemporaryFile(prefix="peers-")
        for array in arrays:
            self._file.write(array.tobytes())
        self._file.flush()
        self._command = [BENCH / program, self._file.name, *map(str, words), str(steps), str(harness.THREADS)]

    def __call__(self):
        done = subprocess.run(self._command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"{self._command[0]} ended with code {done.returncode}")
        rows = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
        return harness.Measured([loss for _, loss in rows], statistics.median(seconds for seconds, _ in rows[1:]))


def in_steps(step, steps):
    """The same of a rival, whose step from the same start returns its loss. Agreement is told from the first call, which also compiles;
    later ones go on from there."""

    def run():
        losses, times = [], []
        for _ in range(steps):
            begin = harness.clock()
            losses.append(float(step()))
            times.append(harness.clock() - begin)
        return harness.Measured(losses, statistics.median(times))

    return run
