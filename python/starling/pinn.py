"""Networks in differential equations: their derivatives, residuals of equations written as text, reference solutions and bounds.

A network is `weights`, a list of (outputs, inputs) arrays, and `biases`, a list of (outputs,) arrays: hidden layers with the
activation ("tanh", "sin", "softplus", "gelu", "silu" or "erf"), the last layer linear. All is computed in float64, with exact
derivatives. A ValueError names what does not fit, with line and column in an equation; an ArithmeticError what did not converge.

Equations, one a line or between semicolons: `u_t + u*u_x - nu*u_xx = 0`. u_xxyy is a derivative, of order 4 at most; laplacian(u)
and biharmonic(u) sum over the axes but t; sin cos tan exp log sqrt abs sign tanh sinh cosh atan erf, ^ and pi are known.
`unknowns u, v` and `axes x, t` name outputs and columns of the points where the text does not tell; `param nu = 0.01/pi` sets a
parameter, `learn k init 0.5 positive` one with a gradient, `let u = x*(1 - x)*n` a name whose derivatives follow the product rule.
"""

import operator

import numpy as np

from . import _core
from ._arrays import matrix, numbers, points as _points, vector
from ._run import run as _run

__all__ = [
    "bound", "certificate", "jets", "reference", "residual", "residual_gradient", "sobolev_norm", "solve", "variational_residual",
]


def _network(weights, biases):
    """Widths and the flat parameters: for every layer its weight, row after row, then its bias."""
    if len(weights) == 0 or len(weights) != len(biases):
        raise ValueError(f"{len(weights)} weights and {len(biases)} biases; expected one of each for every layer, and at least one")
    widths, parts = [], []
    for k, (weight, bias) in enumerate(zip(weights, biases)):
        weight, bias = matrix(weight, f"weights[{k}]"), vector(bias, f"biases[{k}]")
        if widths and weight.shape[1] != widths[-1]:
            raise ValueError(f"weights[{k}]: shape {weight.shape}; expected {widths[-1]} columns, the outputs of the layer before")
        if len(bias) != len(weight):
            raise ValueError(f"biases[{k}]: {len(bias)} numbers for {len(weight)} outputs")
        if weight.size == 0:
            raise ValueError(f"weights[{k}]: shape {weight.shape}; expected at least one input and output")
        widths = widths or [weight.shape[1]]
        widths.append(len(weight))
        parts += [weight.ravel(), bias]
    flat = np.concatenate(parts)
    if not np.isfinite(flat).all():  # one look at all of them; a second one to say which
        for k, (weight, bias) in enumerate(zip(weights, biases)):
            _points(weight, f"weights[{k}]"), numbers(bias, f"biases[{k}]")
    return widths, flat


def _places(value, inputs):
    array = np.asarray(value)
    if array.ndim == 1 and inputs == 1:
        array = array[:, None]
    array = _points(array, "points")
    if array.shape[1] != inputs:
        raise ValueError(f"points: {array.shape[1]} columns for {inputs} inputs of the network")
    return array


def _axis_names(axes):
    return [] if axes is None else [str(axis) for axis in axes]


def _given(parameters):
    return {name: float(value) for name, value in parameters.items()}


def jets(weights, biases, points, derivatives, activation="tanh", *, axes=None, unknowns=None):
    """dict(name -> (n,)) of derivatives of the outputs at points (n, inputs).

    derivatives: names such as "u", "u_x", "u_xxyy", of order 4 at most; one string of names apart by commas will do.
    axes: the letters of the columns of points; by default those of x, y, z, t that the names use.
    unknowns: the names of the outputs; by default the names before the _, in order.
    """
    widths, flat = _network(weights, biases)
    points = _places(points, widths[0])
    names = [name.strip() for name in derivatives.split(",")] if isinstance(derivatives, str) else [str(name) for name in derivatives]
    split = [name.partition("_")[::2] for name in names]
    if axes is None:
        axes = [axis for axis in "xyzt" if any(axis in suffix for _, suffix in split)]
        if not axes:  # values alone: any letters will do
            axes = list("xyzt"[: widths[0]])
    axes = _axis_names(axes)
    if len(axes) != widths[0]:
        raise ValueError(f"axes {', '.join(axes)} for {widths[0]} inputs of the network; name every column, such as axes=('x', 't')")
    if unknowns is None:
        unknowns = list(dict.fromkeys(base for base, _ in split))
    unknowns = [str(name) for name in unknowns]
    if len(unknowns) > widths[-1]:
        raise ValueError(f"unknowns: {', '.join(unknowns)} for {widths[-1]} outputs of the network")
    asked = []
    for name, (base, suffix) in zip(names, split):
        if base not in unknowns:
            raise ValueError(f"{name!r}: unknown {base!r}; expected one of {', '.join(unknowns)}")
        if "_" in name and not suffix or "_" in suffix or any(letter not in axes for letter in suffix):
            raise ValueError(f"{name!r}: expected a name, _ and letters of the axes {', '.join(axes)}")
        if len(suffix) > 4:
            raise ValueError(f"{name!r}: a derivative of order {len(suffix)}; expected at most 4")
        asked.append((unknowns.index(base), [suffix.count(axis) for axis in axes]))
    values = _core.pinn_jets(widths, flat, points, asked, activation)
    return dict(zip(names, values))


def residual(equation, weights, biases, points, activation="tanh", *, axes=None, **parameters):
    """The residual, left side less right, at points (n, inputs): (n,), or (equations, n) of a system.

    axes: the names of the columns of points; by default those of x, y, z, t that the text uses. Other keywords give values to the
    names of the text, such as nu=0.01.
    """
    widths, flat = _network(weights, biases)
    out = _core.pinn_residual(
        equation, _axis_names(axes), _given(parameters), widths, flat, _places(points, widths[0]), activation
    )
    return out[0] if len(out) == 1 else out


def residual_gradient(equation, weights, biases, points, activation="tanh", *, axes=None, **parameters):
    """dict(loss, gradient): loss = mean r^2 / 2, summed over the equations of a system, and its gradient (P,) in every layer's weight,
    row after row, then its bias. With `learn` in the text also learned, a dict of the derivatives in those coefficients."""
    widths, flat = _network(weights, biases)
    points = _places(points, widths[0])
    if len(points) == 0:
        raise ValueError("points: none; expected at least one, since the loss is a mean")
    return _core.pinn_residual_gradient(equation, _axis_names(axes), _given(parameters), widths, flat, points, activation)


def variational_residual(weights, biases, f, tests, activation="tanh", quadrature=None, *, rectangles=None):
    """Residuals of -u'' = f on [-1, 1], or of -u_xx - u_yy = f on rectangles, integrated by parts against test functions.

    A network of one input: R_k = int u' v_k' - int f v_k for k = 1..tests, v_k = P_(k+1) - P_(k-1): (tests,). Of two inputs:
    R_jk = int u_x v_j'(x) v_k(y) + int u_y v_j(x) v_k'(y) - int f v_j v_k on every rectangle: (rectangles, tests, tests).
    f: a function of the points, (n,) or (n, 2). rectangles: rows (low x, high x, low y, high y); by default the square [-1, 1]^2.
    quadrature: Gauss points along an axis, at least tests + 12, since a rule whose points are the zeros of v_k' returns 0 for any
    network; by default doubled from tests + 40 until the residuals agree to 1e-12 of their size, else an ArithmeticError says by how
    much they do not.
    """
    widths, flat = _network(weights, biases)
    if widths[0] not in (1, 2) or widths[-1] != 1:
        raise ValueError(f"a network of {widths[0]} inputs and {widths[-1]} outputs; expected one or two and one")
    if rectangles is not None and widths[0] == 1:
        raise ValueError("rectangles for a network of one input; expected none")
    tests = operator.index(tests)
    if not 1 <= tests <= 1000:
        raise ValueError(f"tests: {tests}; expected 1 to 1000")

    def on_line(count):
        x, _ = _core.pinn_legendre(max(count, 1))
        values = np.broadcast_to(np.asarray(f(x), dtype=np.float64), x.shape)
        return _core.pinn_variational(widths, flat, numbers(values, "f(x)"), tests, count, activation)

    def on_rectangles(count):
        points = _core.pinn_variational_plane(widths, flat, elements, None, tests, count, activation)
        values = np.broadcast_to(np.asarray(f(points), dtype=np.float64), len(points))
        return _core.pinn_variational_plane(widths, flat, elements, numbers(values, "f(points)"), tests, count, activation)

    if widths[0] == 1:
        by, most = on_line, 2048
    else:
        elements = _points([(-1, 1, -1, 1)] if rectangles is None else rectangles, "rectangles")
        if elements.shape[1] != 4:
            raise ValueError(f"rectangles: shape {elements.shape}; expected rows (low x, high x, low y, high y)")
        by, most = on_rectangles, 512  # 1024 along an axis are a million points a rectangle
    if quadrature is not None:
        return by(operator.index(quadrature))
    count = tests + 40
    coarse = by(count)
    difference = np.inf
    while count <= most:
        count = min(2 * count, 2 * most)
        fine = by(count)
        difference = np.max(np.abs(fine - coarse))
        if difference <= 1e-12 * max(1.0, np.max(np.abs(fine))):
            return fine
        coarse = fine
    raise ArithmeticError(f"quadrature: residuals still differ by {difference:.1e} at {count} points; give quadrature, or smooth f")


_REFERENCES = {
    "burgers": {"nu": 0.01 / np.pi}, "allen_cahn": {}, "ks": {}, "kdv": {"solitons": 0}, "kovasznay": {"reynolds": 40.0}, "schroedinger": {},
}


def reference(name, x, t=None, **parameters):
    """Values of a known solution at x and t, arrays that broadcast together, in their common shape.

    "burgers": u_t + u u_x = nu u_xx, u(x, 0) = -sin(pi x), by Cole and Hopf's integral; nu=0.01/pi.
    "allen_cahn": u_t = 1e-4 u_xx - 5u^3 + 5u on [-1, 1] periodic, u(x, 0) = x^2 cos(pi x).
    "ks": u_t + u u_x + u_xx + u_xxxx = 0 on [0, 32 pi] periodic, u(x, 0) = cos(x/16)(1 + sin(x/16)).
    "kdv": u_t + u u_x + 0.022^2 u_xxx = 0 on [-1, 1] periodic, u(x, 0) = cos(pi x); with solitons=1 the soliton
        2 sech^2(x - 4t + 2) of u_t + 6u u_x + u_xxx = 0, with solitons=2 two of k = 1, 1.5 that overtake.
    "kovasznay": (u, v, p) as (n, 3) at x (n, 2), no t; reynolds=40.
    "schroedinger": i h_t + h_xx/2 + |h|^2 h = 0, h(x, 0) = 2 sech(x): complex.
    """
    if name not in _REFERENCES:
        raise ValueError(f"unknown reference {name!r}; expected one of {', '.join(_REFERENCES)}")
    for key in parameters:
        if key not in _REFERENCES[name]:
            known = ", ".join(_REFERENCES[name]) or "none"
            raise ValueError(f"reference {name!r} has no parameter {key!r}; expected {known}")
    given = {**_REFERENCES[name], **parameters}
    if name == "kovasznay":
        places = _points(x, "x")
        if places.shape[1] != 2 or t is not None:
            raise ValueError(f"kovasznay: x of shape {places.shape}; expected points (n, 2), and no t: the flow is steady")
        return _core.pinn_reference_kovasznay(places, float(given["reynolds"]))
    if t is None:
        raise ValueError(f"t: None; expected times for {name!r}")
    x, t = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(t, dtype=np.float64))
    shape, x, t = x.shape, numbers(x.ravel(), "x"), numbers(t.ravel(), "t")
    if name == "burgers":
        values = _core.pinn_reference_burgers(x, t, float(given["nu"]))
    elif name == "schroedinger":
        parts = _core.pinn_reference_schroedinger(x, t)
        values = parts[:, 0] + 1j * parts[:, 1]
    elif name == "kdv" and given["solitons"] != 0:
        solitons = operator.index(given["solitons"])
        if solitons not in (1, 2):
            raise ValueError(f"solitons: {solitons}; expected 1 or 2")
        values = _core.pinn_reference_solitons(x, t, solitons)
    else:
        values = _core.pinn_reference_spectral(name, x, t)
    return values.reshape(shape)


def bound(weights, equation, s, n, norm=None, *, axes=None, **parameters):
    """Every factor of a bound of the Rademacher complexity of an equation's residuals over n points, in the Sobolev space H^s.

    A RECONSTRUCTION of "Unified generalization analysis for physics informed neural networks" (arXiv:2605.13260): the paper's own
    constants are not known to us. Expect it to be vacuous as a certificate; compare terms, degrees and ranks by it.

    norm: a bound of the norms of the unknowns and their derivatives in H^s, a number for all or one for every order from 0 on (the
        last for all above); without it the complexity is None.
    dict(label, s, n, dimension; kernel_constant B_s; degree, None for a function that is no polynomial, and order of the equation;
    layers, of each hidden weight its singular_values, rank and kappa with |f o W|_s <= kappa |f|_(s + k/2), infinite with a note
    without full column rank; log10_weight_factor, their product, activations excluded; terms, each |a| B^p prod |u_alpha| / sqrt(n),
    with coefficient_assumed where a coefficient that varies counts as 1; complexity, their sum, and linear, its part of degree 1;
    golowich and bartlett, bounds of the value alone, for comparison).
    """
    tables = [_points(weight, f"weights[{k}]") for k, weight in enumerate(weights)]
    if not tables or any(table.size == 0 for table in tables):
        raise ValueError("weights: none, or one that is empty")
    norms = [] if norm is None else numbers(np.atleast_1d(np.asarray(norm, dtype=np.float64)), "norm").tolist()
    if not float(n) >= 1:
        raise ValueError(f"n: {n}; expected at least 1")
    out = _core.pinn_bound(tables, equation, _axis_names(axes), _given(parameters), float(s), float(n), norms)
    return {"label": "reconstruction", "s": float(s), "n": n, **out}


def certificate(equation, weights, biases, activation="tanh", *, solution=None, samples=0, axes=None, **parameters):
    """Bounds of a network's true error from its residual: linear equations, constant coefficients, a box, values given on all sides.

    equation: one equation with `domain` and conditions, as u_t = k*u_xx; domain x = 0..1, t = 0..1; u(0, t) = 0; u(1, t) = 0; ...
    solution: the unknown, or the name that `let` defines; by default the first such name that reads an unknown, else the unknown.
    samples: along an axis, 8 to 2048; 0 picks 512, 96, 32 or 16 for 1 to 4 axes. Norms are sampled: what lies between is not excluded.
    dict(refused, a reason, where theory gives no estimate, and nothing else; otherwise None with supremum >= sup |error|, norm >= the L2
    norm of the error (at the last time with u_t), eigenvalue, barrier, residual_supremum, residual_part (of norm), side_supremum,
    start_supremum, start_norm; refinement, the relative change of both bounds against half as many samples).
    """
    widths, flat = _network(weights, biases)
    name = "" if solution is None else str(solution)
    return _core.pinn_certificate(
        equation, _axis_names(axes), _given(parameters), widths, flat, name, operator.index(samples), activation)


def solve(spec, out=None, **overrides):
    """Trains a network on an equation and returns the starling.Run, whose predict(points) gives the solution.

    spec: the path of a TOML file, a dict, or the equation's own text (which holds a "="): statements with a domain and conditions.
    out, overrides: as in starling.run, such as network__width=30, train__steps=500.

        run = starling.pinn.solve("u_xx = -pi^2*sin(pi*x); domain x = 0..1; u(0) = 0; u(1) = 0; exact u = sin(pi*x)")
        run.predict([[0.5]])
    """
    if isinstance(spec, str) and "=" in spec:
        spec = {"problem": {"equation": spec}}
    if isinstance(spec, dict):
        spec = {"system": "pinn", "job": "solve", **spec}
    return _run(spec, out=out, **overrides)


def sobolev_norm(values, spacing, s):
    """The H^s norm, (int (1 + |w|^2)^s |f^(w)|^2 dw)^(1/2) with the unitary transform, of a function that decays, from its values on a
    grid of one or two axes with that spacing (a number, or one for each axis)."""
    array = np.ascontiguousarray(np.asarray(values, dtype=np.float64))
    steps = np.broadcast_to(np.asarray(spacing, dtype=np.float64), (array.ndim,)).tolist()
    return _core.pinn_sobolev_norm(numbers(array.ravel(), "values"), list(array.shape), steps, float(s))
