import contextlib
import inspect
import pathlib
import re
import sqlite3
import tomllib

import numpy as np
import pytest

import starling
from starling._spec import to_overrides, to_toml

SPEC = {
    "system": "drift",
    "job": "train",
    "seed": 3,
    "data": {"source": "moons"},
    "generator": {"noise": 4, "width": 16, "layers": 1},
    "train": {"steps": 4, "batch": 64, "data_batch": 64, "checkpoint_every": 2, "evaluation": 200, "repeats": 2},
}


@pytest.fixture
def recorded(tmp_path):
    """A run directory as the store writes it."""
    with contextlib.closing(sqlite3.connect(tmp_path / "run.db")) as database:
        database.executescript("""
            CREATE TABLE metrics (task, name, unit, value REAL, lower REAL, upper REAL, floor REAL, note);
            CREATE TABLE series (task, name, unit, step INTEGER, value REAL);
            CREATE TABLE claims (id, statement, source, measured_as, falsifier, value, lower, upper, expected, verdict, note);
            INSERT INTO metrics VALUES ('train', 'energy_distance', '', 0.5, 0.4, 0.6, NULL, '');
            INSERT INTO series VALUES ('a', 'loss', '', 2, 1.5), ('a', 'loss', '', 1, NULL), ('a', 'x', '', 0, 1);
            INSERT INTO series VALUES ('b', 'x', '', 0, 2);
            INSERT INTO claims VALUES ('c', 's', 'p', 'm', 'f', 1, NULL, NULL, 'e', 'holds', '');
        """)
        database.commit()
    return starling.Run(tmp_path)


def test_a_run_reads_metrics_series_and_claims(recorded):
    (metric,) = recorded.metrics
    assert (metric.name, metric.value, metric.lower, metric.floor) == ("energy_distance", 0.5, 0.4, None)
    assert [(claim.id, claim.verdict) for claim in recorded.claims] == [("c", "holds")]
    steps, values = recorded.series("loss")
    np.testing.assert_array_equal(steps, [1, 2])
    np.testing.assert_array_equal(values, [np.nan, 1.5])
    np.testing.assert_array_equal(recorded.series("x", task="b")[1], [2])


def test_a_series_that_is_missing_or_of_two_tasks_is_named(recorded):
    with pytest.raises(ValueError, match="no series 'los'; did you mean 'loss'?"):
        recorded.series("los")
    with pytest.raises(ValueError, match="'x' is of several tasks; name one of a, b"):
        recorded.series("x")


def test_a_directory_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no run.db; expected the directory of a run"):
        starling.Run(tmp_path)


def test_a_dict_becomes_the_toml_that_says_the_same():
    spec = {"a": True, "b": 1e-5, "t": 'quote " and \n \x7f é \U0001f426', "s": {"n": [1, 2], "deep key": {"x": -3}}, "z": "last"}
    assert tomllib.loads(to_toml(spec)) == spec
    assert tomllib.loads(to_toml({"n": np.arange(3), "x": np.float64(0.5)})) == {"n": [0, 1, 2], "x": 0.5}


def test_a_keyword_becomes_an_override():
    assert to_overrides({"train__steps": 10, "data__source": "moons"}) == ["train.steps=10", 'data.source="moons"']
    with pytest.raises(ValueError, match="train.steps: None is a NoneType"):
        to_overrides({"train__steps": None})


def test_a_missing_spec_is_named():
    with pytest.raises(ValueError, match="nowhere.toml: cannot be read"):
        starling.run("nowhere.toml")


def test_a_dict_and_the_same_file_give_the_same_numbers(tmp_path):
    (tmp_path / "spec.toml").write_text(to_toml(SPEC))
    one = starling.run(SPEC, out=tmp_path / "one")
    two = starling.run(tmp_path / "spec.toml", out=tmp_path / "two")
    assert one.path == tmp_path / "one"
    assert one.metrics and one.metrics == two.metrics


def test_an_override_reaches_the_run(tmp_path):
    assert starling.run(SPEC, out=tmp_path / "a", seed=4).metrics != starling.run(SPEC, out=tmp_path / "b").metrics


def test_without_a_place_runs_are_numbered_below_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(starling.run(SPEC).path) for _ in range(2)] == ["runs/drift", "runs/drift-2"]


def test_a_slip_in_a_spec_is_named_with_its_place(tmp_path):
    with pytest.raises(ValueError, match="unknown system 'drfit'; did you mean 'drift'"):
        starling.run({**SPEC, "system": "drfit"}, out=tmp_path / "a")
    with pytest.raises(ValueError, match="did you mean 'steps'"):
        starling.run({**SPEC, "train": {"stpes": 4}}, out=tmp_path / "b")
    with pytest.raises(ValueError, match="did you mean 'steps'|unknown key"):
        starling.run(SPEC, out=tmp_path / "c", train__stpes=4)
    assert not (tmp_path / "a").exists()


def test_a_directory_that_holds_a_run_is_not_overwritten(tmp_path):
    starling.run(SPEC, out=tmp_path / "a")
    with pytest.raises(ValueError, match="a"):
        starling.run(SPEC, out=tmp_path / "a")


PARTICLES = {
    "system": "drift",
    "job": "particles",
    "data": {"source": "moons"},
    "target": {"points": 80},
    "cloud": {"count": 60},
    "field": {"kind": "conservative", "kernel": "gaussian", "temperatures": [0.3]},
    "motion": {"steps": 40, "eta": 0.03},
    "watch": {"evaluation": 100},
}


def test_particles_move_without_a_network(tmp_path):
    run = starling.run(PARTICLES, out=tmp_path / "a")
    cloud = np.load(run.path / "particles.npy")
    assert cloud.shape == (60, 2) and cloud.dtype == np.float64
    _, times = run.series("time")
    _, energy = run.series("energy_distance")
    assert times[-1] == pytest.approx(1.2) and energy[-1] < 0.25 * energy[0]


def test_particles_flow_as_the_function_of_the_same_name(tmp_path):
    """The solver's clouds are those of starling.drift.flow from the same start."""
    normal = {"target__law": "normal", "target__dimension": 1, "target__points": 2000, "motion__integrator": "adaptive", "cloud__start_mean": 2}
    start = starling.run(PARTICLES, out=tmp_path / "a", **normal, motion__times=[1e-9], field__kind="displacement")
    end = starling.run(PARTICLES, out=tmp_path / "b", **normal, motion__times=[0.5], motion__rtol=1e-9)
    x, y = np.load(start.path / "particles.npy"), np.load(end.path / "particles.npy")
    data = np.random.default_rng(0).standard_normal((2000, 1))
    (flow,) = starling.drift.flow(x, data, times=[0.5], field="conservative", kernel="gaussian", scale=0.3)
    # The exact score against that of 2,000 draws, which know the far tail badly: the middle agrees.
    assert np.abs(y - x).mean() > 0.5
    assert np.median(np.abs(y - flow)) < 0.05


def test_a_sweep_compares_curves_over_seeds(tmp_path):
    over = {"train.optimizer": ["muon", "adamw"], "train.rate": [0.001, 0.01], "seed": [1, 2, 3]}
    whole = starling.sweep(SPEC, over, "energy_distance", out=tmp_path / "sweep", train__steps=3)
    assert {metric.task for metric in whole.metrics} == {"optimizer muon", "optimizer adamw"}
    (claim,) = whole.claims
    assert claim.lower <= claim.value <= claim.upper
    assert len(list((tmp_path / "sweep" / "runs").iterdir())) == 12
    runs = [starling.Run(tmp_path / "sweep" / "runs" / name) for name in ("009", "010", "011")]
    values = [metric.value for one in runs for metric in one.metrics if metric.name == "energy_distance"]
    (mean,) = [m for m in whole.metrics if m.task == "optimizer adamw" and m.name == "train.rate=0.01"]
    np.testing.assert_allclose(mean.value, np.mean(values), rtol=1e-12)


def test_a_sweep_refuses_a_measure_that_no_run_has(tmp_path):
    with pytest.raises(ValueError, match="no metric 'energy_distances'; did you mean 'energy_distance'?"):
        starling.sweep(SPEC, {"seed": [1, 2]}, "energy_distances", out=tmp_path / "sweep")


def test_a_run_exports_its_numbers_and_model_and_draws_its_page_anew(tmp_path):
    run = starling.run(SPEC, out=tmp_path / "run")
    assert {"metrics.csv", "series.csv", "model.safetensors", "model.onnx"} <= {path.name for path in run.export()}
    assert all(path.is_file() and path.parent == tmp_path / "out" for path in run.export(tmp_path / "out"))
    (run.path / "report.html").unlink()
    assert run.report().read_text(encoding="utf-8").startswith("<!")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot make the folder"):
        run.export(tmp_path / "file")


def public(module):
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                yield from ((f"{name}.{key}", member) for key, member in vars(value).items()
                            if not key.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)))  # fmt: skip


def test_every_public_name_is_listed_and_explained():
    modules = [starling, *(getattr(starling, name) for name in starling.__all__ if inspect.ismodule(getattr(starling, name)))]
    assert len(modules) == 8
    for module in modules:
        own = {name for name, value in vars(module).items()
               if not name.startswith("_") and getattr(value, "__module__", "").startswith(module.__name__)}  # fmt: skip
        assert own <= set(module.__all__), own - set(module.__all__)
        for name, value in public(module):
            assert value.__doc__, name


def test_the_stubs_name_all_that_the_compiled_module_has():
    from starling import _core

    stubs = (pathlib.Path(starling.__file__).parent / "_core.pyi").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:def |class )?(\w+)(?=[(:]|$)", stubs, re.MULTILINE)) | {"__version__", "vector_target"}
    assert {name for name in dir(_core) if not name.startswith("__")} <= named
    for name, parameters in re.findall(r"^def (\w+)\(\s*(.*?)\s*,?\s*\) ->", stubs, re.MULTILINE | re.DOTALL):
        signature = getattr(_core, name).__nb_signature__[0][0]
        assert re.findall(r"(\w+): ", signature) == re.findall(r"(\w+): ", parameters), name
