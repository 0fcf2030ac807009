import csv
import json
import os
import subprocess

import numpy as np
import pytest

import starling

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

PROGRAM = os.environ.get("STARLING_PROGRAM", "")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="STARLING_PROGRAM does not name the command line")


def train(tmp_path, **generator):
    """A run of a few steps on data far from the origin, so that the units matter."""
    random = np.random.default_rng(4)
    np.savez(tmp_path / "data.npz", points=random.normal(size=(90, 3)) * [4, 5, 6] + 20, labels=np.arange(90) % 3)
    spec = {
        "system": "drift",
        "data": {"source": "file", "path": tmp_path / "data.npz", "rescale": "unit"},
        "generator": {"noise": 5, "width": 24, "layers": 3, **generator},
        "train": {"steps": 20, "batch": 32, "data_batch": 32, "rate": 0.01, "evaluation": 20, "repeats": 2},
    }
    return starling.run(spec, out=tmp_path / "run")


def export(run, out):
    subprocess.run([PROGRAM, "export", run.path, "--out", out], check=True, capture_output=True)
    return out


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh", "relu"])
@pytest.mark.parametrize("conditional", [False, True])
def test_the_exported_model_draws_what_the_run_draws(tmp_path, activation, residual, conditional):
    run = train(tmp_path, activation=activation, residual=residual, conditional=conditional)
    path = export(run, tmp_path / "export") / "model.onnx"
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(9)
    noise, labels = random.normal(size=(300, 5)).astype(np.float32) * 2, random.integers(3, size=300)
    inputs = {"noise": noise} | ({"label": labels} if conditional else {})
    (from_onnx,) = session.run(["sample"], inputs)
    samples = run.sample(noise=noise, label=labels if conditional else None)
    assert from_onnx.shape == samples.shape == (300, 3)
    assert abs(samples).max() > 10  # the data's units, not the network's
    np.testing.assert_allclose(from_onnx, samples, rtol=1e-5, atol=1e-5)


def test_the_program_draws_from_given_noise_what_python_draws(tmp_path):
    run = train(tmp_path, conditional=True)
    noise = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    np.save(tmp_path / "noise.npy", noise)
    command = [PROGRAM, "sample", run.path, "--noise", tmp_path / "noise.npy", "--out", tmp_path / "samples.npy"]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "samples.npy"), run.sample(noise=noise))
    np.testing.assert_array_equal(run.sample(noise=noise), run.sample(noise=noise, label=[0, 0, 1, 1, 2, 2]))
    assert not np.array_equal(run.sample(noise=noise), run.sample(noise=noise, label=1))


def test_the_config_and_the_tables_say_what_the_run_measured(tmp_path):
    run = train(tmp_path)
    out = export(run, tmp_path / "export")
    assert json.loads((out / "config.json").read_text())["output"]["dimension"] == 3
    assert [float(row["value"]) for row in table(out / "metrics.csv")] == [metric.value for metric in run.metrics]
    loss = [float(row["value"]) for row in table(out / "series.csv") if row["name"] == "loss"]
    np.testing.assert_array_equal(loss, run.series("loss")[1])


def test_what_does_not_fit_the_generator_is_named(tmp_path):
    run = train(tmp_path)
    with pytest.raises(ValueError, match="noise: 4 columns, expected 5"):
        run.sample(noise=np.zeros((2, 4)))
    with pytest.raises(ValueError, match="noise: value at row 0, column 1 is nan"):
        run.sample(noise=[[0, np.nan, 0, 0, 0]])
    with pytest.raises(ValueError, match="label: the run's generator has no classes"):
        run.sample(label=1)
    with pytest.raises(ValueError, match="count: 0; expected a whole number of at least 1"):
        run.sample(count=0)
