import numpy as np
import pytest

from starling import drift

X = np.array([(0, 0), (1, 0.5), (-0.3, 0.8), (0.2, -1.1)])
Y = np.array([(0.5, 0.5), (-1, 0.2), (1.5, -0.7), (0.1, 1.3), (-0.6, -0.9)])
Z = np.array([(0.3, -0.2), (1.1, 0.9), (-2, 0.4)])


def displacement(z, cloud, tau, skip=None):
    """The kernel-weighted mean displacement from z, written out."""
    delta = cloud - z
    weight = np.exp(-np.linalg.norm(delta, axis=1) / tau)
    if skip is not None:
        weight[skip] = 0
    return weight @ delta / weight.sum()


def test_the_printed_velocities():
    expected = [-0.111938640555, 0.095679606433, -0.235232288696, -0.011262882512]
    np.testing.assert_allclose(drift.velocity(X, Y)[:2].ravel(), expected, atol=1e-12, rtol=0)
    expected = [-0.206506213351, -0.002537710592, 0.238884878894, 0.104229309263]
    np.testing.assert_allclose(drift.velocity(X, Y, field="toy")[:2].ravel(), expected, atol=1e-12, rtol=0)
    expected = [-0.329188406008, 0.301560919705, -0.640654614295, 0.143734626110]
    measured = drift.velocity(X, Y, field="conservative", kernel="gaussian", scale=0.6)
    np.testing.assert_allclose(measured[:2].ravel(), expected, atol=1e-12, rtol=0)


def test_the_velocity_is_the_formula_with_and_without_the_self_pair():
    for keep in (True, False):
        expected = [displacement(x, Y, 0.7) - displacement(x, X, 0.7, None if keep else i) for i, x in enumerate(X)]
        np.testing.assert_allclose(drift.velocity(X, Y, self_interaction=keep), expected, atol=1e-14)


def test_the_velocity_away_from_the_particles_agrees_with_the_one_on_them():
    np.testing.assert_allclose(drift.velocity_at(X, X, Y), drift.velocity(X, Y), atol=1e-15)


def test_the_divergence_is_the_finite_difference_of_the_velocity():
    step = 1e-5
    for field, kernel in (("displacement", "laplace"), ("conservative", "gaussian"), ("sharp", "laplace")):
        options = {"field": field, "kernel": kernel, "scale": 0.6}
        expected = 0
        for axis, shift in enumerate(np.eye(2) * step):
            ahead, behind = drift.velocity_at(Z + shift, X, Y, **options), drift.velocity_at(Z - shift, X, Y, **options)
            expected = expected + (ahead - behind)[:, axis] / (2 * step)
        np.testing.assert_allclose(drift.divergence_at(Z, X, Y, **options), expected, atol=1e-8)


def test_the_parts_of_the_decomposition_sum_to_the_field():
    parts = drift.decompose(Z, X, Y, 0.7)
    assert parts["a_p"].shape == parts["a_q"].shape == (3,)
    assert (parts["a_p"] >= 1).all() and (parts["a_q"] >= 1).all()
    np.testing.assert_allclose(parts["sharp"] + parts["residual"], drift.velocity_at(Z, X, Y), atol=1e-14)


def test_the_diagnostics_are_their_definitions():
    h = 0.6
    found = drift.diagnostics(X, Y, h)
    squared = ((X[:, None] - X[None]) ** 2).sum(axis=-1)
    occupancy = np.exp(-squared / (2 * h * h)).sum(axis=1)
    velocity = drift.velocity(X, Y, field="conservative", kernel="gaussian", scale=h)
    np.testing.assert_allclose(found["occupancy"], occupancy, rtol=1e-14)
    assert found["mean_inverse_occupancy"] == pytest.approx((1 / occupancy).mean(), rel=1e-13)
    assert found["self_term"] == pytest.approx(2 / h**2 * (1 / occupancy).sum(), rel=1e-13)
    assert found["centre_velocity"] == pytest.approx((velocity**2).sum(axis=1).mean(), rel=1e-13)
    assert set(found) == {
        "stein_drift",
        "self_term",
        "centre_velocity",
        "smoothed_fisher",
        "occupancy",
        "mean_inverse_occupancy",
    }


def test_the_release_loss_is_the_mean_square_of_its_drift():
    loss, field, scale = drift.release_loss(X, Y, [0.05, 0.2])
    assert field.shape == X.shape and scale > 0
    assert loss == pytest.approx((field**2).mean(), rel=1e-12)
    _, pushed, _ = drift.release_loss(X, Y, [0.05, 0.2], negatives=Z, weights=[1, 2, 0.5])
    _, unit, _ = drift.release_loss(X, Y, [0.05, 0.2], negatives=Z)
    _, ones, _ = drift.release_loss(X, Y, [0.05, 0.2], negatives=Z, weights=np.ones(3))
    np.testing.assert_array_equal(unit, ones)
    assert np.abs(pushed - unit).max() > 1e-6


def test_the_flow_starts_at_the_cloud_and_moves_along_the_field():
    step = 1e-4
    clouds = drift.flow(X, Y, [0, step, 1])
    assert clouds.shape == (3, 4, 2)
    np.testing.assert_array_equal(clouds[0], X)
    np.testing.assert_allclose((clouds[1] - X) / step, drift.velocity(X, Y), atol=1e-3)


def test_the_two_sides_of_the_entropy_identity_agree():
    balance = drift.entropy_balance(X, Y, 0.6, [0.1, 0.5])
    assert balance["change"].shape == (2,)
    np.testing.assert_allclose(balance["change"], balance["integral"], atol=1e-9)


def test_the_gaussian_variance_starts_at_its_value_and_ends_at_the_target():
    assert drift.gaussian_variance(0.25, 1, 0.1, 0) == 0.25
    assert drift.gaussian_variance(0.25, 1, 0.1, 100) == pytest.approx(1, abs=1e-12)
    slope = (drift.gaussian_variance(0.25, 1, 0.1, 1e-5) - 0.25) / 1e-5
    assert slope == pytest.approx(2 * 0.25 * 0.75 / (0.35 * 1.1), rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: drift.velocity(X, Y, field="displacment"), "unknown field 'displacment'; did you mean 'displacement'"),
        (lambda: drift.velocity(X, Y, kernel="gausian"), "unknown kernel 'gausian'; did you mean 'gaussian'"),
        (lambda: drift.velocity(X, Y, scale=-1), "scale: -1 is out of range; expected a positive, finite number"),
        (lambda: drift.velocity(X, Y[:, :1]), "x has 2 columns and y has 1"),
        (lambda: drift.velocity(X, np.empty((0, 2))), r"y: empty, shape \(0, 2\)"),
        (lambda: drift.velocity([[np.inf, 0]], Y), "x: value at row 0, column 0 is inf; expected finite numbers"),
        (lambda: drift.velocity_at(Z, X, Y, field="toy"), "toy and paper"),
        (lambda: drift.flow(X, Y, [1, 0.5]), "times: 0.5 after 1"),
        (lambda: drift.flow(X, Y, 1.0), r"times: shape \(\); expected one dimension"),
        (lambda: drift.release_loss(X, Y, []), "temperatures: empty"),
        (lambda: drift.gaussian_variance(1, -1, 1, 1), "expected u0 >= 0, u_target > 0"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_two_single_precision_clouds_give_a_single_precision_velocity():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(70, 2)), generator.normal(size=(90, 2))
    single = drift.velocity(x.astype(np.float32), y.astype(np.float32), field="paper", scale=0.5)
    double = drift.velocity(x.astype(np.float32), y, field="paper", scale=0.5)
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    np.testing.assert_allclose(single, drift.velocity(x, y, field="paper", scale=0.5), atol=1e-5)
