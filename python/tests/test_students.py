import numpy as np
import pytest

from starling import students


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
    with pytest.raises(ValueError):
        students.perturbed_copy(6, 5)
    with pytest.raises(ValueError):
        students.thresholds(0)
