import numpy as np
import pytest

from starling import muon

METHODS = ["polar", "regularized", "jordan", "polar_express", "nanochat", "cans", "gram", "aol"]


def b():
    i, j = np.mgrid[:4, :3]
    return np.cos((i + 1.0) * (j + 1))


def regularised(m, e):
    u, s, v = np.linalg.svd(m, full_matrices=False)
    return (u * (s / np.sqrt(s * s + e * e))) @ v


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_method_keeps_shape_and_dtype(method, dtype):
    m = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(dtype)
    out = muon.orthogonalize(m, method)
    assert out.shape == m.shape and out.dtype == dtype
    np.testing.assert_array_equal(out[1, 2], muon.orthogonalize(m[1, 2], method))
    strided = np.asfortranarray(m[0, 0])
    np.testing.assert_array_equal(muon.orthogonalize(strided, method), out[0, 0])


def test_the_regularised_map_is_the_decompositions():
    m = np.random.default_rng(1).normal(size=(40, 70))
    np.testing.assert_allclose(muon.orthogonalize(m, epsilon=0.3), regularised(m, 0.3), atol=2e-12)
    single = muon.orthogonalize(m.astype(np.float32), epsilon=3)
    np.testing.assert_allclose(single, regularised(m, 3), atol=2e-5)
    rms = np.linalg.norm(m) / np.sqrt(40)
    np.testing.assert_allclose(muon.orthogonalize(1e9 * m, epsilon=0.5, scale="relative"), regularised(m, 0.5 * rms), atol=2e-12)


def test_potentials_and_derivative_have_the_figures_of_an_independent_computation():
    i, j = np.mgrid[:4, :3]
    h = np.sin(1.0 + 3 * i + j**2)
    r = muon.orthogonalize(b(), epsilon=0.5)
    assert muon.potential(b(), 0.5) == pytest.approx(2.985952441442887, abs=1e-14)
    assert muon.dual_potential(r, 0.5) == pytest.approx(0.898732662798890, abs=1e-11)
    assert np.sum(h * muon.derivative(b(), h, 0.5)) == pytest.approx(1.311314206549467, abs=1e-14)


def test_minimax_coefficients_certify_their_error():
    coefficients, error = muon.minimax_coefficients(0.1, 4)
    assert coefficients.shape == (4, 3)
    np.testing.assert_allclose(coefficients[0], [5.603694506640496, -13.883690224017103, 9.733412622810347], atol=1e-12)
    assert error == pytest.approx(2.286e-12, abs=1e-15)
    x = np.linspace(0.1, 1, 1001)
    for p, q, r in coefficients:
        x = p * x + q * x**3 + r * x**5
    assert np.abs(1 - x).max() <= error + 1e-13


def problem():
    j = np.arange(5)
    i, r, c = np.mgrid[:4, :3, :2]
    w0 = np.sin(1.0 + i + 2 * r + 3 * c)
    return np.stack([np.cos(j), np.sin(2 * j)], 1), np.sin(j + 1), np.array([1, -1, 0.5]), w0, np.zeros_like(w0)


def test_the_flow_loses_energy_as_the_identity_says():
    out = muon.mean_field_flow(*problem(), 0.1, 1.0, [0, 1, 2, 10])
    assert out["w"].shape == out["p"].shape == (4, 4, 3, 2)
    np.testing.assert_allclose(out["hamiltonian"], [0.155468990607394, 0.089817809024778, 0.066324719392694, 0.044637145160368], atol=1e-12)
    np.testing.assert_allclose(out["hamiltonian"][0] - out["hamiltonian"], out["dissipation"], atol=2e-13)
    assert out["w"][1, 0, 0, 0] == pytest.approx(1.106384248647782, abs=1e-12)


@pytest.mark.parametrize("method", ["muon", "nesterov", "strang", "drift_kick_drift", "discrete_gradient"])
def test_every_method_steps_towards_the_reference(method):
    reference = muon.mean_field_flow(*problem(), 0.1, 1.0, [2])["w"]
    coarse, fine = (np.abs(muon.mean_field_flow(*problem(), 0.1, 1.0, [2], method, dt)["w"] - reference).max() for dt in (0.05, 0.0125))
    assert fine < coarse / 2.5 and fine < 0.02


def test_the_block_flow_has_the_figures_of_an_independent_program():
    i, j = np.mgrid[:3, :3]
    shapes = [(3, 2)] * 3 + [(2, 3), (3, 4), (4, 3), (3, 1)]
    blocks = []
    for n, (rows, columns) in enumerate(shapes):
        e, r, c = np.mgrid[:3, :rows, :columns]
        blocks.append(0.8 * np.sin(1.0 + e + 2 * n + 3 * r + 5 * c))
    out = muon.moe_flow(np.sin(1.0 + i + 2 * j), np.cos(1.0 + 2 * i + j), blocks, 0.05, 1.0, [0, 1, 5])
    np.testing.assert_allclose(out["hamiltonian"], [0.425459030854818, 0.217955673108116, 0.001713416264213], atol=1e-12)
    assert out["w"]["w1"].shape == (3, 3, 3, 4)
    np.testing.assert_array_equal(out["w"]["gate"][0], blocks[6])


def test_slips_are_named():
    with pytest.raises(ValueError, match="unknown method 'jordn'; did you mean 'jordan'"):
        muon.orthogonalize(b(), "jordn")
    with pytest.raises(ValueError, match="epsilon = 0"):
        muon.orthogonalize(b(), epsilon=0)
    with pytest.raises(ValueError, match="dtype float16"):
        muon.orthogonalize(b().astype(np.float16))
    with pytest.raises(ArithmeticError, match="not finite"):
        muon.orthogonalize(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="lower = 0"):
        muon.minimax_coefficients(0, 3)
    with pytest.raises(ValueError, match="w0: shape"):
        muon.mean_field_flow(*problem()[:3], np.zeros((4, 2, 2)), np.zeros((4, 2, 2)), 0.1, 1.0, [1])
    with pytest.raises(ValueError, match="no multiple of the step"):
        muon.mean_field_flow(*problem(), 0.1, 1.0, [1], "muon", 0.3)
    with pytest.raises(ValueError, match="dt: None"):
        muon.mean_field_flow(*problem(), 0.1, 1.0, [1], "muon")
    with pytest.raises(ValueError, match="gamma = -1"):
        muon.mean_field_flow(*problem(), 0.1, -1.0, [1])
