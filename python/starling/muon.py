"""Muon's maps of a matrix's singular values, and the damped Hamiltonian flow behind them.

The regularised map is M (M^T M + e^2 I)^(-1/2) = U diag(s / sqrt(s^2 + e^2)) V^T, the gradient of the potential
Psi(M) = sum(sqrt(s^2 + e^2) - e); `epsilon` e is absolute, in the units of M, unless said otherwise. "Move on Muon",
arXiv:2605.23871. A ValueError names what does not fit; an ArithmeticError numbers that are not finite, or where a solver gave up.
"""

import operator

import numpy as np

from . import _core
from ._arrays import numbers, points

__all__ = [
    "derivative", "dual_potential", "mean_field_flow", "minimax_coefficients", "moe_flow", "orthogonalize", "potential",
]


def _matrices(m):
    """An array of at least two dimensions, float32 or float64, C-contiguous."""
    if not isinstance(m, np.ndarray) and hasattr(m, "__dlpack__"):
        m = np.from_dlpack(m.detach() if hasattr(m, "detach") else m)
    array = np.asarray(m)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    if array.dtype not in (np.float32, np.float64):
        raise ValueError(f"m: dtype {array.dtype}; expected float32 or float64")
    if array.ndim < 2:
        raise ValueError(f"m: shape {array.shape}; expected at least two dimensions (..., m, n)")
    return np.ascontiguousarray(array)


def orthogonalize(m, method="regularized", epsilon=0.1, steps=None, *, scale="absolute", tolerance=None):
    """Maps the singular values of each matrix of m (..., m, n) towards 1; an array of m's shape and dtype, which is float32 or
    float64 and never cast.

    method: "regularized", s / sqrt(s^2 + epsilon^2), to a certified error of `tolerance` (1e-5 in float32, 1e-12 in float64);
        "polar", exactly 1, with 0 for directions of rounding; or Newton-Schulz steps by the table of "jordan", "polar_express",
        "nanochat", "you" or "cans", "gram" (Polar Express on the Gram matrix), or "aol" (Turbo-Muon's preconditioned start, whose
        limit is not the polar factor).
    epsilon, scale: of "regularized"; "absolute" is in the units of m, "relative" in those of |m|_F / sqrt(min(m, n)).
    steps: how many; by default as many as the tolerance asks for, or the method's own number.
    """
    array = _matrices(m)
    if scale not in ("absolute", "relative"):
        raise ValueError(f"scale: {scale!r}; expected 'absolute' or 'relative'")
    if steps is not None and operator.index(steps) < 1:
        raise ValueError(f"steps: {steps}; expected at least 1")
    batch = array.reshape((int(np.prod(array.shape[:-2], dtype=np.int64)), *array.shape[-2:]))
    out, _ = _core.orthogonalize(batch, method, float(epsilon), scale == "relative", steps or 0, tolerance or 0.0)
    return out.reshape(array.shape)


def potential(m, epsilon):
    """Psi(m), a float."""
    return _core.muon_potential(points(m, "m"), float(epsilon))


def dual_potential(y, epsilon):
    """Psi*(y) = epsilon sum(1 - sqrt(1 - s^2)), a float; infinite where a singular value of y exceeds 1."""
    return _core.muon_dual_potential(points(y, "y"), float(epsilon))


def derivative(m, h, epsilon):
    """The derivative of the regularised map at m along h, m's shape (Daleckii and Krein), also at equal singular values."""
    return _core.muon_derivative(points(m, "m"), points(h, "h"), float(epsilon))


def minimax_coefficients(lower, steps):
    """(steps, 3) coefficients a, b, c of p(x) = a x + b x^3 + c x^5 to be applied one after another, each the best on the
    interval that its forerunners leave of [lower, 1]; and the certified error, the largest |1 - p(...)| there."""
    return _core.muon_minimax_coefficients(float(lower), operator.index(steps))


def _particles(value, name, shape):
    array = np.ascontiguousarray(np.asarray(value, dtype=np.float64))
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape:
        raise ValueError(f"{name}: shape {array.shape}; expected (N, {', '.join(map(str, shape))})")
    return array


def _step(method, dt):
    if method == "reference":
        return 0.0
    if dt is None:
        raise ValueError(f"dt: None; expected a step for method {method!r}")
    return float(dt)


def mean_field_flow(
    features, targets, readout, w0, p0, epsilon, gamma, times, method="reference", dt=None, *, reading="particles"
):
    """The flow W' = -grad Psi(P), P' = -gamma P + g(W) of matrix particles W_i (m, d) with momenta P_i for
    J = 1/2n sum_j (mean_i F_j(W_i) - targets_j)^2, F_j(W) = readout . tanh(W x_j); WITH the factor 1/2.

    features (n, d), targets (n,), readout (m,); w0 and p0 (N, m, d); times (T,), which do not descend.
    method: "reference" (adaptive, order 8), or with steps of dt "muon" (the discrete method as it is), "nesterov", "strang",
        "drift_kick_drift", "discrete_gradient"; times are then multiples of dt, and beta = 1 - gamma dt.
    reading: "particles", each matrix mapped by itself, or "stacked" (m = 1), the map acting on all rows at once.
    dict(w (T, N, m, d), p, objective (T,), hamiltonian, dissipation): the Hamiltonian J + mean_i Psi(P_i) has lost
    dissipation = int gamma mean <P, grad Psi(P)> dt >= 0 since time 0.
    """
    features, readout = points(features, "features"), numbers(readout, "readout")
    shape = (len(readout), features.shape[1])
    w, p = _particles(w0, "w0", shape), _particles(p0, "p0", shape)
    if len(p) != len(w):
        raise ValueError(f"p0: {len(p)} momenta for {len(w)} particles")
    if reading not in ("particles", "stacked"):
        raise ValueError(f"reading: {reading!r}; expected 'particles' or 'stacked'")
    out = _core.muon_flow(
        features, numbers(targets, "targets"), readout, w.reshape(len(w), -1), p.reshape(len(p), -1), float(epsilon), float(gamma),
        numbers(times, "times").tolist(), method, _step(method, dt), reading == "stacked",
    )
    for key in ("w", "p"):
        out[key] = out[key].reshape(len(times), len(w), *shape)
    return out


_BLOCKS = ("q", "k", "v", "o", "w1", "w2", "gate")


def moe_flow(x, y, blocks, epsilon, gamma, times, method="reference", dt=None):
    """The same flow for N experts of a softly gated mixture of transformer blocks, starting at rest.

    x and y (tokens, width); blocks: seven arrays q, k, v (N, width, head), o (N, head, width), w1 (N, width, hidden),
    w2 (N, hidden, width), gate (N, width, 1), as a sequence in this order or a dict; epsilon: one number or one a block.
    Expert: b = x + softmax((x q)(x k)^T / sqrt(head)) (x v) o, e = b + tanh(b w1) w2, logit x gate; the answer is the average of
    e weighted by exp(logit), and J the mean over all entries of half its squared error.
    dict(objective (T,), hamiltonian, dissipation, w, p), w and p dicts of the seven blocks with a leading axis of times.
    """
    x, y = points(x, "x"), points(y, "y")
    if isinstance(blocks, dict):
        if set(blocks) != set(_BLOCKS):
            raise ValueError(f"blocks: {sorted(blocks)}; expected {', '.join(_BLOCKS)}")
        blocks = [blocks[name] for name in _BLOCKS]
    blocks = [np.asarray(block, dtype=np.float64) for block in blocks]
    if len(blocks) != len(_BLOCKS) or any(block.ndim != 3 for block in blocks):
        raise ValueError(f"blocks: expected the seven arrays {', '.join(_BLOCKS)}, each (N, rows, columns)")
    width, head, hidden, n = x.shape[1], blocks[0].shape[2], blocks[4].shape[2], len(blocks[0])
    shapes = [(width, head)] * 3 + [(head, width), (width, hidden), (hidden, width), (width, 1)]
    for name, block, shape in zip(_BLOCKS, blocks, shapes):
        if block.shape != (n, *shape):
            raise ValueError(f"blocks: {name} has shape {block.shape}; expected {(n, *shape)}")
    w = np.concatenate([block.reshape(n, -1) for block in blocks], axis=1)
    epsilons = [float(e) for e in np.atleast_1d(epsilon)]
    out = _core.muon_moe_flow(
        x, y, head, hidden, w, np.zeros_like(w), epsilons, float(gamma), numbers(times, "times").tolist(), method, _step(method, dt)
    )
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    for key in ("w", "p"):
        parts = np.split(out[key], ends, axis=2)
        out[key] = {name: part.reshape(*part.shape[:2], *shape) for name, part, shape in zip(_BLOCKS, parts, shapes)}
    return out
