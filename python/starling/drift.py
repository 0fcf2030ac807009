"""Drifting fields, what theory says of them, and the particle flow that they drive.

x (N, d) are model points, y (M, d) data points, z (K, d) any points: numpy or any DLPack array, of any real dtype; results
are numpy float64 (velocity of two float32 clouds: float32). `field` is one of

- displacement: kernel-weighted mean displacements, each row normalised (Deng et al., 2026);
- toy: the authors' notebook, rows and columns normalised; paper: their Algorithm 2, with stable softmaxes;
- conservative: the gradient of log(KDE of y) - log(KDE of x);
- sharp: the same for the companion kernel (1 + r/scale) exp(-r/scale) of the Laplace kernel.

`kernel` is laplace, exp(-r/scale), or gaussian, exp(-r^2 / (2 scale^2)); toy, paper and sharp are Laplace by definition.
`scale` is positive, in units of distance. A ValueError names the argument, the place and what was expected; an
ArithmeticError says where the solver gave up.
"""

import numpy as np

from . import _core
from ._arrays import numbers, pair, points

__all__ = [
    "decompose",
    "diagnostics",
    "divergence_at",
    "entropy_balance",
    "flow",
    "gaussian_variance",
    "release_loss",
    "velocity",
    "velocity_at",
]


def velocity(x, y, field="displacement", kernel="laplace", scale=0.7, self_interaction=True):
    """V at the model points, shape (N, d). `self_interaction`: whether x_i counts in its own cloud (toy, paper: never).

    When x and y are both float32 the work is done, and returned, in single precision: twice as fast.
    """
    return _core.velocity(*pair(x, y), field, kernel, scale, self_interaction)


def release_loss(x, y, temperatures, negatives=None, weights=None):
    """The released trainer's field: (loss, drift (N, d), scale).

    `temperatures` are in units of the weighted mean distance `scale`; every temperature's field has unit mean square.
    `negatives` (K, d) are fixed extra points to be pushed from, with `weights` (K,), 1 by default. A target in raw
    coordinates is x + drift * scale / sqrt(d). The loss is constant by construction and no monitor of progress.
    Source: lambertae/drifting, drift_loss.py.
    """
    x = points(x, "x")
    negatives = np.empty((0, x.shape[1])) if negatives is None else points(negatives, "negatives")
    weights = np.empty(0) if weights is None else numbers(weights, "weights")
    return _core.release_loss(x, points(y, "y"), numbers(temperatures, "temperatures").tolist(), negatives, weights)


def velocity_at(z, x, y, field="displacement", kernel="laplace", scale=0.7):
    """V at any points z, shape (K, d); no pair is left out. Not for toy and paper, which are defined at x alone."""
    return _core.velocity_at(points(z, "z"), points(x, "x"), points(y, "y"), field, kernel, scale)


def divergence_at(z, x, y, field="displacement", kernel="laplace", scale=0.7):
    """div V at z in closed form, shape (K,); fields as for velocity_at."""
    return _core.divergence_at(points(z, "z"), points(x, "x"), points(y, "y"), field, kernel, scale)


def decompose(z, x, y, tau):
    """The Laplace displacement field split by its companion kernel: dict(a_p (K,), a_q (K,), sharp (K, d), residual (K, d)).

    sharp + residual is the field at z; a_p (data) and a_q (model) are ratios of companion to kernel mass, at least 1.
    """
    return _core.decompose(points(z, "z"), points(x, "x"), points(y, "y"), tau)


def diagnostics(x, y, h):
    """What theory asks of the cloud x under the conservative Gaussian field of bandwidth h, self term included.

    dict(stein_drift, self_term, centre_velocity, smoothed_fisher, occupancy (N,), mean_inverse_occupancy).
    Definitions: K. Balasubramanian, arXiv:2605.22795.
    """
    return _core.diagnostics(points(x, "x"), points(y, "y"), h)


def flow(x, y, times, field="displacement", kernel="laplace", scale=0.7, self_interaction=True, rtol=1e-10, atol=1e-12):
    """The particle ODE dx_i/dt = V(x_i; X), y fixed: the clouds at the ascending `times` from 0, shape (T, N, d)."""
    return _core.flow(
        points(x, "x"),
        points(y, "y"),
        numbers(times, "times").tolist(),
        field,
        kernel,
        scale,
        self_interaction,
        rtol,
        atol,
    )


def entropy_balance(x, y, h, times):
    """The two sides of the entropy identity along the conservative Gaussian flow: dict(change (T,), integral (T,)).

    They agree to the tolerance of the solver. The cost grows as (N d)^3: for small clouds.
    """
    return _core.entropy_balance(points(x, "x"), points(y, "y"), h, numbers(times, "times").tolist())


def gaussian_variance(u0, u_target, h2, t):
    """The variance at time t of a normal model of variance u0 that flows to a normal law of variance u_target.

    The limit of many particles under the Gaussian kernel of squared bandwidth h2: du/dt = 2u (u_target - u) /
    ((u + h2) (u_target + h2)). u0, t >= 0; u_target, h2 > 0.
    """
    return _core.gaussian_variance(u0, u_target, h2, t)
