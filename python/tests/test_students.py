import pathlib

import numpy as np
import pytest

import starling
from starling import students

DIGITS = pathlib.Path(__file__).parents[2] / "data" / "digits.npz"


def networks():
    generator = np.random.default_rng(0)
    return generator.normal(size=(2, 4)), generator.normal(size=2), generator.normal(size=(3, 4)), generator.normal(size=3)


@pytest.mark.parametrize("activation", ["erf", "relu", "gelu", "sin"])
def test_the_gradient_and_hessian_are_the_differences_of_the_loss(activation):
    w, a, v, b = networks()
    dw, da = students.gradient(w, a, v, b, activation)
    full = students.hessian(w, a, v, b, activation)
    assert dw.shape == w.shape
    assert da.shape == a.shape
    assert full.shape == (10, 10)
    h, flat = 1e-6, np.concatenate([w.ravel(), a])
    for p in range(10):
        sides = []
        for sign in (1, -1):
            moved = flat.copy()
            moved[p] += sign * h
            there = (moved[:8].reshape(2, 4), moved[8:], v, b, activation)
            sides.append((students.loss(*there), np.concatenate([part.ravel() for part in students.gradient(*there)])))
        assert np.concatenate([dw.ravel(), da])[p] == pytest.approx((sides[0][0] - sides[1][0]) / (2 * h), abs=1e-7)
        np.testing.assert_allclose(full[:, p], (sides[0][1] - sides[1][1]) / (2 * h), atol=1e-6)


@pytest.mark.parametrize("activation", ["erf", "relu", "tanh"])
def test_biases_join_the_gradient_and_the_hessian(activation):
    w, a, v, b = networks()
    generator = np.random.default_rng(1)
    teacher = {"v_bias": generator.normal(size=3), "c_teacher": 0.3}
    flat = np.concatenate([w.ravel(), a, generator.normal(size=2), [-0.2]])

    def at(x):
        return (x[:8].reshape(2, 4), x[8:10], v, b, activation), {"w_bias": x[10:12], "c": x[12], **teacher}

    def gradient(x):
        args, biases = at(x)
        return np.concatenate([np.ravel(part) for part in students.gradient(*args, **biases)])

    args, biases = at(flat)
    full = students.hessian(*args, **biases)
    assert full.shape == (13, 13)
    for p in range(13):
        step = 1e-5 * np.eye(13)[p]
        up, down = at(flat + step), at(flat - step)
        slope = (students.loss(*up[0], **up[1]) - students.loss(*down[0], **down[1])) / 2e-5
        assert gradient(flat)[p] == pytest.approx(slope, abs=1e-7)
        np.testing.assert_allclose(full[:, p], (gradient(flat + step) - gradient(flat - step)) / 2e-5, atol=1e-6)
    fixed = students.hessian(*args, **biases, outgoing="fixed")
    np.testing.assert_array_equal(fixed[:8, :8], full[:8, :8])
    np.testing.assert_array_equal(fixed[8:, 8:], full[10:12, 10:12])
    assert [part.shape for part in students.gradient(*args, **biases, outgoing="fixed")] == [(2, 4), (2,)]


def test_fixed_outgoing_weights_leave_the_incoming_block():
    w, a, v, b = networks()
    fixed = students.hessian(w, a, v, b, "relu", outgoing="fixed")
    np.testing.assert_array_equal(fixed, students.hessian(w, a, v, b, "relu")[:8, :8])
    with pytest.raises(ValueError, match="expected 'free' or 'fixed'"):
        students.hessian(w, a, v, b, outgoing="frozen")


def test_the_error_of_a_quadrature_is_reported_and_a_miss_is_named():
    w, a, v, b = networks()
    assert students.quadrature_error(w, a, v, b, "erf") == 0
    assert 0 < students.quadrature_error(w, a, v, b, "softplus") < 3e-12
    steep = 1e7 * w[:1]
    with pytest.raises(ArithmeticError, match="w row 0 and v row 0: quadrature: .* accuracy"):
        students.loss(steep, [1.0], steep, [1.0], "tanh", w_bias=[0.0], v_bias=[2e7])


def test_the_published_landscape_of_a_few_neurons():
    averaged = students.copy_average([1, 3], d=5)
    assert averaged["loss"] == pytest.approx(0.040593177314, abs=1e-12)
    assert averaged["index"] == 0
    assert averaged["eigenvalues"][[0, -1]] == pytest.approx([0.003039, 10.476350], abs=1e-6)
    assert averaged["w"].shape == (2, 5)
    copied = students.perturbed_copy(4, 5)
    assert copied["loss"] == pytest.approx(0.023381767507, abs=1e-12)
    assert copied["index"] == 0
    assert [copied[key] for key in ("alpha", "beta", "gamma", "a")] == pytest.approx([0.82125, -0.03051, 0.17809, 1.27216], abs=1e-5)
    assert students.thresholds(10) == {"pc_minimum_from": 6, "pc_below_ca_from": 8, "ca_saddle_from": 9}
    assert students.one_neuron(3, "relu")["loss"] == pytest.approx(0.484710060482, abs=1e-12)
    assert students.one_neuron(3, "gelu")["finite"] is False


def test_errors_name_what_does_not_fit():
    w, a, v, b = networks()
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        students.loss(w, a, v, b, "rleu")
    with pytest.raises(ValueError, match="w: value at row 1, column 2 is nan"):
        bad = w.copy()
        bad[1, 2] = np.nan
        students.loss(bad, a, v, b)
    with pytest.raises(ValueError):
        students.loss(w[:, :3], a, v, b)
    with pytest.raises(ValueError, match="2 rows and its biases 3 entries"):
        students.loss(w, a, v, b, w_bias=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="v_bias"):
        students.loss(w, a, v, b, v_bias=[1.0, np.inf, 3.0])
    with pytest.raises(ValueError, match="c: "):
        students.loss(w, a, v, b, c=np.nan)
    with pytest.raises(ValueError):
        students.perturbed_copy(6, 5)
    with pytest.raises(ValueError):
        students.thresholds(0)


def test_the_flow_is_the_reference_trajectory():
    w, a, v, b = [[0.3, 0.1, -0.2, 0.05], [-0.1, 0.2, 0.25, -0.1]], [0.5, -0.4], np.eye(3, 4), np.ones(3)
    out = students.flow(w, a, v, b, times=[0, 10, 300])
    np.testing.assert_allclose(out["loss"], [1.080352964641, 0.045326955015, 0.023228960483], atol=1e-9)
    np.testing.assert_allclose(out["a"][2], [1.95985402, -1.00631345], atol=1e-7)
    assert out["w"].shape == (3, 2, 4) and out["conserved"] is None
    relu = students.flow(w, [0.5, 0.4], v, b, times=[1, 100], activation="relu")
    np.testing.assert_allclose(relu["conserved"], [[-0.1075, -0.0375]] * 2, atol=1e-10)
    dying = students.flow(w, a, v, b, times=[100], activation="relu")
    assert np.isinf(dying["died"][0]) and 0 < dying["died"][1] < 100 and not dying["w"][0, 1].any()
    with pytest.raises(ValueError, match="row 1 is zero"):
        students.flow([[1, 0, 0, 0], [0, 0, 0, 0]], a, v, b, times=[1], activation="relu")


def test_a_census_finds_both_minima_with_their_shares():
    classes = students.census(4, 5, 6, seeds=500, seed=1)
    assert [entry["kind"] for entry in classes[:2]] == ["copy average", "perturbed copy"]
    assert sum(entry["count"] for entry in classes) == 500
    for entry, loss in zip(classes, (0.023221680625, 0.023381767507)):
        assert abs(entry["loss"] - loss) < 1e-11 and entry["index"] == 0 and entry["live"] == 4
        assert entry["low"] < entry["share"] < entry["high"] and entry["w"].shape == (4, 6)
    again = students.census(4, 5, 6, seeds=500, seed=1, threads=1)
    assert all((x["w"] == y["w"]).all() and x["share"] == y["share"] for x, y in zip(classes, again))
    for bad in (dict(n=0, k=3), dict(n=4, k=3), dict(n=2, k=3, d=2), dict(n=2, k=3, seeds=0), dict(n=2, k=3, dead="x")):
        with pytest.raises(ValueError):
            students.census(**bad)


def test_saddles_lead_down():
    graph = students.connections(3, 6, searches=0)
    points = graph["points"]
    saddles = {i for i, point in enumerate(points) if point["label"] == "saddle"}
    assert sorted(point["index"] for point in points if point["live"] == 3)[-1] == 3  # 1+2 | 3+4 | 5+6
    assert saddles == {saddle for saddle, _, _ in graph["descents"]}
    for saddle, end, ways in graph["descents"]:
        assert points[end]["loss"] < points[saddle]["loss"] and ways > 0


def test_a_compression_runs_from_a_dict(tmp_path):
    spec = {
        "system": "students",
        "teacher": {"width": 6, "activation": "tanh", "steps": 30},
        "input": {"path": str(DIGITS), "rescale": "unit"},
        "student": {"neurons": [2]},
        "search": {"starts": 1, "steps": 3},
        "rivals": {"adamw_restarts": 1, "steps": 3},
    }
    run = starling.run(spec, out=tmp_path / "a")
    assert {metric.task for metric in run.metrics} == {"teacher", "2 neurons"}
    with np.load(run.path / "student_2.npz") as student:
        assert student["w"].shape == (2, 64)


def test_a_census_runs_from_a_dict(tmp_path):
    spec = {"system": "students", "job": "census", "problem": {"teachers": 3, "students": [1]}, "runs": {"seeds": 20}}
    run = starling.run(spec, out=tmp_path / "a")
    assert run.claims and all(claim.verdict in ("holds", "fails", "inconclusive") for claim in run.claims)
