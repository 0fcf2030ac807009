import numpy as np
import pytest

import starling
from starling import pinn

FIVE = np.array([[-0.8 + 0.4 * k, 0.1 + 0.2 * k] for k in range(5)])
BURGERS = "u_t + u*u_x - nu*u_xx = 0"


def formula_net(widths, offset=0):
    weights, biases = [], []
    for k, (n, m) in enumerate(zip(widths, widths[1:]), start=1):
        i, j = np.mgrid[1 : m + 1, 1 : n + 1]
        weights.append(np.sin(i + 2 * j + 3 * k + offset) / np.sqrt(n))
        biases.append(np.cos(np.arange(1, m + 1) + k + offset) / 10)
    return weights, biases


@pytest.mark.parametrize("activation, figures", [
    ("tanh", (-0.03345927186043508, 5.567427069840635e-4, -0.03361111576751571, 6.836661591947168e-3, 7.138205401510566e-3,
              -4.840255716427932e-3, 0.01431423540487693)),
    ("sin", (-0.03178797812768499, 2.253055800910326e-3, -0.03843871021675103, 5.334665660189552e-3, 1.367779589164033e-3,
             5.222164016923531e-4, 2.357434313690138e-3)),
    ("gelu", (-0.06504962643013517, 6.56711090004508e-3, 6.137816462328086e-3, 2.421376001932645e-3, 0.03760713414557074,
              -0.03178311736833692, 6.756796931792184e-3)),
    ("softplus", (-0.03526255110588144, 1.277905223525469e-3, -1.026400328348074e-3, 8.816968436248011e-4, 2.890982169808631e-4,
                  2.067965026211811e-4, -6.933397299235976e-4)),
])
def test_derivatives_have_the_digits_of_fifty_digit_arithmetic(activation, figures):
    names = ("u", "u_x", "u_y", "u_xy", "u_xxx", "u_xxxx", "u_xxyy")
    out = pinn.jets(*formula_net([2, 8, 8, 1]), [[0.3, -0.7]], names, activation)
    assert list(out) == list(names)
    for name, figure in zip(names, figures):
        assert out[name].shape == (1,)
        assert out[name][0] == pytest.approx(figure, abs=1e-14)


def test_axes_follow_the_names_or_are_given():
    net = formula_net([2, 8, 8, 1])
    by_names = pinn.jets(*net, FIVE, "u_x, u_t")
    given = pinn.jets(*net, FIVE, ["u_a", "u_b"], axes="ab")
    np.testing.assert_array_equal(by_names["u_t"], given["u_b"])
    two = pinn.jets(*formula_net([2, 6, 2]), FIVE, ["v", "u_x", "v_t"], unknowns=["u", "v"])
    one = pinn.jets(*formula_net([2, 6, 2]), FIVE, ["u_x", "v_t", "v"])
    np.testing.assert_array_equal(two["v_t"], one["v_t"])


def test_burgers_has_its_known_residual_and_gradient():
    net = formula_net([2, 8, 8, 1])
    r = pinn.residual(BURGERS, *net, FIVE, nu=0.01 / np.pi)
    np.testing.assert_allclose(
        r, [-0.0425995924393031, -0.0424201192767723, -0.0411006118426671, -0.0390738181165022, -0.0368402310042614], atol=1e-15
    )
    out = pinn.residual_gradient(BURGERS, *net, FIVE, nu=0.01 / np.pi)
    assert set(out) == {"loss", "gradient"}
    assert out["loss"] == pytest.approx(8.187417971940739e-4, abs=1e-17)
    assert np.linalg.norm(out["gradient"]) == pytest.approx(0.04211611077240819, abs=1e-15)
    assert out["gradient"].sum() == pytest.approx(3.57816244922967e-3, abs=1e-15)
    fourth = pinn.residual_gradient("u*u_x + u_xx + u_xxxx", *net, FIVE, axes=("x", "t"))
    assert fourth["loss"] == pytest.approx(2.7654023380584e-5, abs=1e-18)
    assert np.linalg.norm(fourth["gradient"]) == pytest.approx(3.10321826252473e-3, abs=1e-16)


def test_systems_and_learned_coefficients():
    text = "unknowns u, v; axes x, t; learn k init 0.3 positive; u_t = k*u_xx + v; v_t - laplacian(v) = u*v"
    net = formula_net([2, 7, 5, 2])
    r = pinn.residual(text, *net, FIVE)
    assert r.shape == (2, 5)
    out = pinn.residual_gradient(text, *net, FIVE)
    assert out["loss"] == pytest.approx((r**2).mean(axis=1).sum() / 2)
    h = 1e-4
    loss = [pinn.residual_gradient(text, *net, FIVE, k=0.3 + step)["loss"] for step in (-h, h)]
    assert out["learned"]["k"] == pytest.approx((loss[1] - loss[0]) / (2 * h), rel=1e-8)


def test_variational_residuals_on_rectangles_are_those_of_the_strong_form():
    net = formula_net([2, 8, 8, 1])
    rectangles = [(-1, 0.25, 0, 0.5), (0.25, 1, 0.5, 2)]

    def f(points):
        return 21 * np.sin(np.pi * points[:, 0]) * np.sin(np.pi * points[:, 1])

    found = pinn.variational_residual(*net, f, 3, rectangles=rectangles)
    nodes, gauss = np.polynomial.legendre.leggauss(50)

    def test_function(k, x):
        basis = np.eye(k + 2)
        return np.polynomial.legendre.legval(x, basis[k + 1]) - np.polynomial.legendre.legval(x, basis[k - 1])

    for element, (a, b, c, d) in enumerate(rectangles):
        x, y = np.meshgrid(a + (b - a) * (1 + nodes) / 2, c + (d - c) * (1 + nodes) / 2, indexing="ij")
        points = np.c_[x.ravel(), y.ravel()]
        strong = (pinn.residual("-u_xx - u_yy = 0", *net, points, axes="xy") - f(points)).reshape(50, 50)
        for j in range(1, 4):
            for k in range(1, 4):
                by_hand = (gauss * test_function(j, nodes)) @ strong @ (gauss * test_function(k, nodes)) * (b - a) * (d - c) / 4
                assert found[element, j - 1, k - 1] == pytest.approx(by_hand, abs=1e-12)
    with pytest.raises(ValueError, match="expected at least 17"):
        pinn.variational_residual(*net, f, 5, quadrature=5)
    with pytest.raises(ValueError, match="rows"):
        pinn.variational_residual(*net, f, 2, rectangles=[(0, 1)])
    with pytest.raises(ValueError, match="one input"):
        pinn.variational_residual(*formula_net([1, 4, 1]), np.sin, 2, rectangles=rectangles)


def test_variational_residuals_have_their_known_values():
    net = formula_net([1, 8, 8, 1])
    figures = [-0.00426601858638995, 9.54909553625014, 0.00110207279133631, -3.66034836841282, -2.40127718333e-4, 0.4155880364296]

    def f(x):
        return np.pi**2 * np.sin(np.pi * x)

    for quadrature in (60, None):
        np.testing.assert_allclose(pinn.variational_residual(*net, f, 6, quadrature=quadrature), figures, rtol=1e-14, atol=5e-14)
    with pytest.raises(ValueError, match="5 points for 5 tests; expected at least 17"):
        pinn.variational_residual(*net, f, 5, quadrature=5)
    with pytest.raises(ArithmeticError, match="still differ"):
        pinn.variational_residual(*net, lambda x: np.sign(x - 0.123), 3)


def test_references_have_their_known_values():
    assert pinn.reference("burgers", 0.25, 0.25) == pytest.approx(-0.9920815616225221, abs=1e-13)
    np.testing.assert_allclose(
        pinn.reference("burgers", [0.05, -0.3], [0.5, 0.8]), [-0.9789821783950711, 0.610880917558454], atol=1e-13
    )
    assert pinn.reference("allen_cahn", 0.25, 0.25) == pytest.approx(0.1524885815928, abs=1e-12)
    assert pinn.reference("kdv", 0.0, 0.25) == pytest.approx(0.807741274784, abs=1e-11)
    np.testing.assert_allclose(pinn.reference("ks", [16 * np.pi, 10], 1), [-0.94231300286, 1.30878248240], atol=1e-10)
    assert pinn.reference("kdv", 0.5, 0.5, solitons=1) == pytest.approx(1.572895465931855, abs=1e-14)
    assert pinn.reference("kdv", 1, 0.5, solitons=2) == pytest.approx(0.36146189226641, abs=1e-13)
    np.testing.assert_allclose(
        pinn.reference("kovasznay", [[0.25, 0.1]]), [[0.3641995301715055, -0.07085363680847627, 0.1911864099769316]], atol=1e-15
    )
    assert pinn.reference("schroedinger", 0.3, 0.59) == pytest.approx(-1.26683091217043 + 1.7029614569182j, abs=1e-13)
    assert pinn.reference("burgers", np.zeros((3, 1)), np.ones(4)).shape == (3, 4)


def test_bounds_print_their_factors():
    i, j = np.mgrid[1:5, 1:5]
    weights = [np.eye(4)[:, :2], np.eye(4) + np.sin(i * j) / 4, np.ones((1, 4))]
    out = pinn.bound(weights, "param nu = 0.01/pi; u_t + u*u_x - nu*u_xx = 0", s=2, n=1000, norm=5)
    assert out["label"] == "reconstruction"
    assert (out["degree"], out["order"], out["dimension"]) == (2, 2, 2)
    assert out["kernel_constant"] ** 2 == pytest.approx(0.07957747154594767)
    assert out["complexity"] == pytest.approx(0.107656594121, abs=1e-12)
    assert out["linear"] == pytest.approx(0.0447450789899, abs=1e-12)
    assert sorted(term["term"] for term in out["terms"]) == ["u*u_x", "u_t", "u_xx"]
    first, second = out["layers"]
    assert first["s"] == 2 and second["s"] == 3
    assert second["kappa"] == pytest.approx(2.7418010842356)
    formula = pinn.bound(formula_net([2, 8, 8, 1])[0], BURGERS, 2, 1000, nu=0.1)
    assert formula["complexity"] is None and np.isinf(formula["log10_weight_factor"])
    assert formula["layers"][1]["note"] == "rank deficient: rank 2 of 8"
    x = np.arange(-20, 20, 0.05)
    assert pinn.sobolev_norm(np.exp(-(x**2) / 2), 0.05, 1) == pytest.approx(np.sqrt(1.5 * np.sqrt(np.pi)))


def test_certificates_bound_the_error_or_are_refused():
    heat = "u_t = k*u_xx; domain x = 0..1, t = 0..1; u(0, t) = 0; u(1, t) = 0; u(x, 0) = sin(pi*x)"
    weights, biases = [np.zeros((3, 2)), np.zeros((1, 3))], [np.zeros(3), np.zeros(1)]
    found = pinn.certificate(heat, weights, biases, k=0.1)
    # The network is 0, and the error the solution itself.
    assert found["refused"] is None
    assert found["norm"] == pytest.approx(np.exp(-0.1 * np.pi**2) * np.sqrt(0.5), rel=1e-12)
    assert found["supremum"] == pytest.approx(1, rel=1e-3)
    hard = "unknowns n; let u = x*(1 - x)*n; " + heat
    assert pinn.certificate(hard, weights, biases, k=0.1, solution="u")["side_supremum"] == 0
    refused = pinn.certificate(heat.replace("u_t =", "u_t + u*u_x ="), weights, biases, k=0.1)
    assert set(refused) == {"refused"} and "not linear" in refused["refused"]
    with pytest.raises(ValueError, match="solution: w"):
        pinn.certificate(heat, weights, biases, k=0.1, solution="w")
    with pytest.raises(ValueError, match="samples: 3"):
        pinn.certificate(heat, weights, biases, k=0.1, samples=3)


def test_slips_are_named():
    net = formula_net([2, 8, 8, 1])
    with pytest.raises(ValueError, match="equation:1:11: unknown name 'nu'"):
        pinn.residual("u_t = u - nu*u_xx", *net, FIVE)
    with pytest.raises(ValueError, match="order 5; expected at most 4"):
        pinn.jets(*net, FIVE, ["u_xxxxx", "u_t"])
    with pytest.raises(ValueError, match="unknown activation 'tahn'; did you mean 'tanh'"):
        pinn.residual(BURGERS, *net, FIVE, "tahn", nu=1)
    with pytest.raises(ValueError, match="points: 1 columns for 2 inputs"):
        pinn.residual(BURGERS, *net, FIVE[:, :1], nu=1)
    with pytest.raises(ValueError, match="2 inputs and 1 outputs for 1 axes"):
        pinn.residual("u_xx = 0", *net, FIVE)
    with pytest.raises(ValueError, match="expected 8 columns"):
        pinn.residual(BURGERS, [net[0][0], net[0][2].T], [net[1][0], net[1][1]], FIVE, nu=1)
    with pytest.raises(ValueError, match="unknown reference 'burger'"):
        pinn.reference("burger", 0, 1)
    with pytest.raises(ValueError, match="has no parameter 're'"):
        pinn.reference("burgers", 0, 1, re=3)
    with pytest.raises(ValueError, match="t: None"):
        pinn.reference("burgers", 0)
    with pytest.raises(ValueError, match="expected s above 1"):
        pinn.bound(net[0], BURGERS, 1, 10, nu=1)
    with pytest.raises(ValueError, match="axes x for 2 inputs of the network; name every column"):
        pinn.jets(*net, FIVE, ["u_x"])
    assert "pinn" in starling.__all__


def test_an_equation_is_solved_and_predicts(tmp_path):
    text = "u_xx = -pi^2*sin(pi*x); domain x = 0..1; u(0) = 0; u(1) = 0; exact u = sin(pi*x)"
    run = starling.pinn.solve(text, out=tmp_path / "run", network__width=8, points__interior=60, train__steps=300)
    (error,) = [metric.value for metric in run.metrics if metric.name == "relative_error u"]
    assert error < 1e-5
    x = np.linspace(0, 1, 11)[:, None]
    np.testing.assert_allclose(run.predict(x), np.sin(np.pi * x), atol=1e-5)
    with pytest.raises(ValueError, match="2 columns; expected x"):
        run.predict(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="problem.equation:1:7: unknown name 'k'"):
        starling.pinn.solve("u_x = k; domain x = 0..1", out=tmp_path / "other")


def test_a_hard_boundary_makes_two_quantities(tmp_path):
    spec = {
        "problem": {"equation": "unknowns n\nlet u = x*(1 - x)*n\nu_xx = -2\ndomain x = 0..1\nexact u = x*(1 - x)"},
        "network": {"width": 6, "layers": 1},
        "points": {"interior": 40},
        "train": {"method": "gauss_newton", "steps": 40},
    }
    values = starling.pinn.solve(spec, out=tmp_path / "run").predict([[0.0], [0.25], [1.0]])
    assert values.shape == (3, 2)
    np.testing.assert_allclose(values[:, 0], [0, 3 / 16, 0], atol=1e-9)


def test_the_bounds_job_judges_claims_and_records_factors(tmp_path):
    spec = {
        "system": "pinn",
        "job": "bounds",
        "class": {"width": 8, "members": 8},
        "study": {"points": [16, 64, 256], "replicates": 50, "classes": 3},
        "train": {"points": [8, 16, 32], "runs": 2, "steps": 60, "fresh_points": 100},
    }
    run = starling.run(spec, out=tmp_path / "run")
    verdicts = {claim.id: claim.verdict for claim in run.claims}
    assert len(verdicts) == 14
    for theorem in ["bound-above-complexity", "bound-above-gap", "certificates-above-errors", "rank-factor"]:
        assert verdicts[theorem] == "holds"
