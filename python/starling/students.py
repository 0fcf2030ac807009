"""The exact loss landscape of a small network that must fit a larger one, under Gaussian input.

A student f(x) = sum_i a_i s(w_i . x), w (n, d) and a (n,), fits a teacher of the same form, v (k, d) and b (k,), for
x ~ N(0, I). The loss is E[(f - f*)^2], WITHOUT a factor 1/2. `activation` s is one of erf (erf(h / sqrt 2)), relu, phi (the
Gaussian distribution function), gelu, linear, quadratic, he2 (h^2 - 1), cubic, sin, cos, exp, whose averages are in closed form,
or tanh, sigmoid, softplus, silu, by a quadrature to 1e-12 whose error `quadrature_error` reports.

Optional, all by keyword: hidden biases `w_bias` (n,) and `v_bias` (k,), s_i = s(w_i . x + w_bias_i), and output biases `c` of the
student and `c_teacher`. A student's biases that are given, zeros included, count as parameters.
Şimşek et al., "Should under-parameterized student networks copy or average teacher weights?", arXiv:2311.01644. A ValueError
names what does not fit; an ArithmeticError says where a solver gave up.
"""

import operator

from . import _core
from ._arrays import numbers, points

__all__ = [
    "census", "connections", "copy_average", "flow", "gradient", "hessian", "loss", "one_neuron", "perturbed_copy", "quadrature_error", "thresholds",
]


def _number(value, name):
    return None if value is None else float(numbers([value], name)[0])


def _problem(w, a, v, b, activation, w_bias, v_bias, c, c_teacher):
    biases = [None if x is None else numbers(x, name) for x, name in ((w_bias, "w_bias"), (v_bias, "v_bias"))]
    return (
        points(w, "w"), numbers(a, "a"), points(v, "v"), numbers(b, "b"), activation,
        *biases, _number(c, "c"), _number(c_teacher, "c_teacher"),
    )


def _is_fixed(outgoing):
    if outgoing not in ("free", "fixed"):
        raise ValueError(f"outgoing: {outgoing!r}; expected 'free' or 'fixed'")
    return outgoing == "fixed"


def loss(w, a, v, b, activation="erf", *, w_bias=None, v_bias=None, c=None, c_teacher=None):
    """E[(f - f*)^2], a float; no factor 1/2."""
    return _core.students_loss(*_problem(w, a, v, b, activation, w_bias, v_bias, c, c_teacher))


def gradient(w, a, v, b, activation="erf", *, w_bias=None, v_bias=None, c=None, c_teacher=None, outgoing="free"):
    """The gradient of the loss: (dw (n, d), da (n,)), then dw_bias (n,) if w_bias is given, then dc if c is.

    With outgoing="fixed" a and c are constants and their derivatives are left out: (dw,) or (dw, dw_bias).
    """
    dw, da, dbias, dc = _core.students_gradient(*_problem(w, a, v, b, activation, w_bias, v_bias, c, c_teacher))
    fixed = _is_fixed(outgoing)
    parts = (dw, None if fixed else da, dbias, None if fixed else dc)
    return tuple(part for part in parts if part is not None)


def hessian(w, a, v, b, activation="erf", *, w_bias=None, v_bias=None, c=None, c_teacher=None, outgoing="free"):
    """The Hessian of the loss, (P, P): w row by row, then a, then w_bias and c as far as given; P = n (d + 1) without.

    With outgoing="fixed" (the setting of Safran and Shamir) a and c are constants: (n d, n d), or with w_bias (n d + n, ...).
    """
    problem = _problem(w, a, v, b, activation, w_bias, v_bias, c, c_teacher)
    return _core.students_hessian(*problem, _is_fixed(outgoing))


def quadrature_error(w, a, v, b, activation, *, w_bias=None, v_bias=None, c=None, c_teacher=None):
    """A bound on the error of the averages behind loss, gradient and Hessian, relative to the Cauchy-Schwarz bound on each
    average; 0.0 for an activation in closed form. Where 1e-12 is out of reach every function raises ArithmeticError."""
    return _core.students_quadrature_error(*_problem(w, a, v, b, activation, w_bias, v_bias, c, c_teacher))


def copy_average(groups, d=None, activation="erf"):
    """Students that each stand for a group of orthonormal teachers, of sizes `groups`; d defaults to their sum.

    dict(w, a, loss, index, eigenvalues): index counts the negative eigenvalues of the Hessian. A critical point for erf.
    """
    groups = [operator.index(size) for size in groups]
    return _core.students_copy_average(groups, sum(groups) if d is None else operator.index(d), activation)


def perturbed_copy(n, k, d=None, activation="erf"):
    """n students, each near one of k orthonormal teachers, all alike; d defaults to k.

    w_i = alpha v_i + beta (the other n - 1 of the copied teachers) + gamma (the k - n others), a_i = a.
    dict(alpha, beta, gamma, a, loss, index, lambda_min): index and smallest eigenvalue of the full Hessian.
    """
    n, k = operator.index(n), operator.index(k)
    return _core.students_perturbed_copy(n, k, k if d is None else operator.index(d), activation)


def one_neuron(k, activation):
    """The best single neuron against k orthonormal teachers: dict(r, a, loss, finite), r = |w|.

    Where the loss only falls towards a limit, finite is False and loss its infimum.
    """
    return _core.students_one_neuron(operator.index(k), activation)


def thresholds(k):
    """Where the landscape of n < k erf students changes: dict of the n from which the perturbed copy is a minimum
    (pc_minimum_from), from which its loss is below the copy average's (pc_below_ca_from), and the first whose copy average is
    a saddle (ca_saddle_from); None where it never happens. d = k."""
    return _core.students_thresholds(operator.index(k))


def flow(w, a, v, b, times, activation="erf", rtol=1e-12, atol=1e-14, *, outgoing="free"):
    """The gradient flow dw/dt = -dL/dw, da/dt = -dL/da from t = 0, at each of the ascending `times`.

    dict(w (T, n, d), a (T, n), loss (T,), conserved, died (n,)): `conserved` is |w_i|^2 - a_i^2 (T, n), which the flow of relu
    and linear students keeps, None for others; `died` when a relu neuron reached w = 0, where it stays; inf for the living.
    """
    fixed = _is_fixed(outgoing)
    times = [float(t) for t in times]
    return _core.students_flow(
        points(w, "w"), numbers(a, "a"), points(v, "v"), numbers(b, "b"), times, activation, float(rtol), float(atol), fixed
    )


def census(n, k, d=None, activation="erf", seeds=1000, seed=0, *, outgoing="free", dead="revive", threads=0):
    """Where gradient flows of n students against k orthonormal teachers end, from `seeds` random starts; d defaults to k.

    A list of dicts, one a class up to symmetry, the most frequent first: loss, count, share with its exact 95% interval low and
    high, label ("minimum", "saddle", "redundant", "dead", "runaway", ...), kind ("copy average", "perturbed copy", "other"),
    structure ("1 | 2+3": the teachers of each neuron), index (negative eigenvalues of the Hessian), live (neurons that count),
    w (live, d) and a (live,) of one of them, eigenvalues, gradient_max. Starts are Glorot normal; with outgoing="fixed" they
    are w ~ N(0, 1/k), a = 1. `dead`: "revive" relu neurons that reach w = 0 with small weights, or "leave" them.
    The result does not depend on `threads` (0: all).
    """
    if dead not in ("revive", "leave"):
        raise ValueError(f"dead: {dead!r}; expected 'revive' or 'leave'")
    n, k = operator.index(n), operator.index(k)
    return _core.students_census(
        n, k, k if d is None else operator.index(d), activation, operator.index(seeds), operator.index(seed),
        _is_fixed(outgoing), dead == "revive", operator.index(threads),
    )


def connections(n, k, d=None, activation="erf", searches=20, perturbation=0.2, seed=0):
    """Critical points of n students against k orthonormal teachers, and which saddle leads down to which; d defaults to k.

    dict(points, descents): points by loss, as `census` describes them; descents (saddle, end, ways) count the ways down along
    the negative directions of a saddle, two each. Found from every copy average, the perturbed copy, and `searches` Newton runs
    from perturbations of each, of standard deviation `perturbation`.
    """
    n, k = operator.index(n), operator.index(k)
    return _core.students_connections(
        n, k, k if d is None else operator.index(d), activation, operator.index(searches), float(perturbation),
        operator.index(seed),
    )
