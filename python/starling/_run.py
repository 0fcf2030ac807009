"""Running a spec, and reading what a run left behind."""

import contextlib
import dataclasses
import difflib
import numbers
import os
import pathlib
import sqlite3
import tempfile
import urllib.parse

import numpy as np

from . import _core
from ._arrays import points
from ._spec import to_overrides, to_toml, toml_value


@dataclasses.dataclass(frozen=True)
class Metric:
    """One measured number. lower, upper: a 95% interval; floor: what data against data gives. None where not measured."""

    task: str
    name: str
    unit: str
    value: float
    lower: float | None
    upper: float | None
    floor: float | None
    note: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement of theory and its verdict: holds, fails or inconclusive."""

    id: str
    statement: str
    source: str
    measured_as: str
    falsifier: str
    value: float | None
    lower: float | None
    upper: float | None
    expected: str
    verdict: str
    note: str


class Run:
    """A run directory, read from its database each time it is asked. ValueError when `path` holds no run."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not (self.path / "run.db").is_file():
            raise ValueError(f"{self.path}: holds no run.db; expected the directory of a run")

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    def _rows(self, query, *values):
        address = "file:" + urllib.parse.quote(str((self.path / "run.db").absolute())) + "?mode=ro"
        try:
            with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
                return database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise ValueError(f"{self.path / 'run.db'}: database: {error}") from None

    @property
    def metrics(self):
        """Every Metric, ordered by task and name."""
        query = "SELECT task, name, unit, value, lower, upper, floor, note FROM metrics ORDER BY task, name"
        return [Metric(*row) for row in self._rows(query)]

    @property
    def claims(self):
        """Every Claim, ordered by id."""
        query = (
            "SELECT id, statement, source, measured_as, falsifier, value, lower, upper, expected, verdict, note "
            "FROM claims ORDER BY id"
        )
        return [Claim(*row) for row in self._rows(query)]

    def series(self, name, task=None):
        """The series `name` as (steps, values), int64 and float64 arrays (T,). Name the task where several recorded it."""
        known = self._rows("SELECT DISTINCT task, name FROM series ORDER BY task, name")
        tasks = [t for t, n in known if n == name and task in (None, t)]
        if not tasks:
            names = sorted({n for t, n in known if task in (None, t)})
            near = difflib.get_close_matches(str(name), names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names) or '(none recorded)'}"
            where = "" if task is None else f" of task {task!r}"
            raise ValueError(f"{self.path}: no series {name!r}{where}; {hint}")
        if len(tasks) > 1:
            raise ValueError(f"{self.path}: series {name!r} is of several tasks; name one of {', '.join(tasks)}")
        query = "SELECT step, value FROM series WHERE task = ? AND name = ? ORDER BY step"
        rows = self._rows(query, tasks[0], name)
        # SQLite keeps a NaN as NULL.
        values = [np.nan if value is None else value for _, value in rows]
        return np.array([step for step, _ in rows], dtype=np.int64), np.array(values, dtype=np.float64)

    def sample(self, count=64, label=None, seed=0, noise=None, guidance=1.0, *, prompt="", temperature=1.0, top_k=0):
        """Samples of the trained generator in the data's units, float64 (count, dimension).

        label: a class, or one for each sample; by default all classes in turn. noise (count, generator.noise) replaces what
        `seed` would draw, and `count` with it: the same noise gives the same samples, here and in the exported model.
        guidance: the strength of classifier-free guidance, from 1 to the run's guidance.largest, where it learned any.
        ValueError for a study, for a label or noise that does not fit, and for a damaged run.

        Of a language model: a str, the prompt and `count` tokens after it. temperature 0 takes the likeliest token, top_k > 0
        draws among so many of the likeliest.
        """
        if not isinstance(count, numbers.Integral) or count < 1:
            raise ValueError(f"count: {count!r}; expected a whole number of at least 1")
        if _core.system_name(str(self.path)) == "depth":
            if label is not None or noise is not None or guidance != 1.0:
                raise ValueError("label, noise, guidance: of generators; a language model takes prompt, temperature, top_k")
            return self._write(str(prompt), int(count), int(seed), float(temperature), int(top_k))
        if prompt or temperature != 1.0 or top_k:
            raise ValueError("prompt, temperature, top_k: of language models; this run is none")
        noise = np.empty((0, 0)) if noise is None else points(noise, "noise")
        labels = np.asarray([] if label is None else label)
        if labels.size and labels.dtype.kind not in "iu":
            raise ValueError(f"label: dtype {labels.dtype}; expected whole numbers")
        return _core.sample(str(self.path), noise, labels.reshape(-1).tolist(), int(count), int(seed), float(guidance))

    def _write(self, prompt, count, seed, temperature, top_k):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "text.txt"
            _core.sample_text(str(self.path), prompt, count, seed, temperature, top_k, str(out))
            return out.read_bytes().decode("utf-8", errors="replace")

    def predict(self, points):
        """The trained model's outputs for points (n, inputs): float64 (n, outputs), a class's probabilities in order for a
        classifier, the quantities of an equation's solution. ValueError for a run that does not predict, or other columns."""
        with tempfile.TemporaryDirectory() as folder:
            source, out = pathlib.Path(folder) / "points.npy", pathlib.Path(folder) / "out.npy"
            np.save(source, np.atleast_2d(np.asarray(points, dtype=np.float64)))
            _core.predict(str(self.path), str(source), str(out))
            return np.load(out).astype(np.float64)

    def export(self, out=None):
        """Writes the run's numbers as csv and its model, where it has one, into the folder `out`, by default the run's own `export`;
        the paths. What `starling export` does. ValueError for a folder that cannot be made, and for a damaged run."""
        folder = self.path / "export" if out is None else pathlib.Path(out)
        return [pathlib.Path(path) for path in _core.export_run(str(self.path), str(folder))]

    def report(self):
        """Draws the run's page, report.html, anew from its database, and returns its path."""
        _core.rebuild_report(str(self.path))
        return self.path / "report.html"


def _fresh_directory(stem):
    count, path = 1, pathlib.Path("runs") / stem
    while path.exists():
        count += 1
        path = pathlib.Path("runs") / f"{stem}-{count}"
    return path


def _read_spec(spec):
    """(text, name, stem) of a spec, which is a path or a dict."""
    if isinstance(spec, dict):
        return to_toml(spec), "spec", str(spec.get("system", "run"))
    path = pathlib.Path(os.fspath(spec))
    try:
        return path.read_text(encoding="utf-8"), str(path), path.stem
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); expected a TOML spec") from None


def run(spec, out=None, **overrides):
    """Runs a spec and returns the Run.

    spec: the path of a TOML file, or a dict such as {"system": "drift", "job": "train", "train": {"steps": 10}}.
    out: the run directory to make; by default runs/NAME, or runs/NAME-2 and so on where that exists.
    overrides: keywords with a double underscore for a dot: train__steps=10.

    ValueError for a wrong spec (file, line, column) or wrong input data; ArithmeticError for a numerical failure;
    KeyboardInterrupt for Ctrl-C, after a checkpoint.
    """
    text, file_name, stem = _read_spec(spec)
    out = _fresh_directory(stem) if out is None else pathlib.Path(out)
    _core.run_spec(text, file_name, to_overrides(overrides), str(out))
    return Run(out)


def sweep(spec, over, measure, maximize=False, out=None, **overrides):
    """Runs a spec once for every combination of values and returns the Run with curves and claims of the measure.

    over: a dict of lists such as {"train.optimizer": ["muon", "adamw"], "train.rate": [0.001, 0.01], "seed": [1, 2, 3]}. The
    first key with several numbers is the axis, seeds are repetitions, the other keys make curves.
    measure: a metric of the runs, NAME or TASK/NAME; less of it is better, or more with `maximize`.
    out: the directory to make, by default runs/NAME-sweep; the runs themselves are in its runs/000, runs/001 ...
    overrides: as in `run`, for all the runs.

    A run that fails numerically counts as diverged. Otherwise the errors are those of `run`.
    """
    text, file_name, stem = _read_spec(spec)
    keys = [(key, [toml_value(value, key) for value in values]) for key, values in dict(over).items()]
    out = _fresh_directory(f"{stem}-sweep") if out is None else pathlib.Path(out)
    _core.run_sweep(text, file_name, keys, str(measure), bool(maximize), to_overrides(overrides), str(out))
    return Run(out)
