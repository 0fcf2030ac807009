"""The exact loss landscape of a small network that must fit a larger one, under Gaussian input.

A student f(x) = sum_i a_i s(w_i . x), w (n, d) and a (n,), fits a teacher of the same form, v (k, d) and b (k,), for
x ~ N(0, I). The loss is E[(f - f*)^2], WITHOUT a factor 1/2. `activation` s is one of erf (erf(h / sqrt 2)), relu, phi (the
Gaussian distribution function), gelu, linear, quadratic, he2 (h^2 - 1), cubic, sin, cos, exp: every average is in closed form.
Şimşek et al., "Should under-parameterized student networks copy or average teacher weights?", arXiv:2311.01644. A ValueError
names what does not fit; an ArithmeticError says where a solver gave up.
"""

import operator

from . import _core
from ._arrays import numbers, points

__all__ = ["copy_average", "gradient", "hessian", "loss", "one_neuron", "perturbed_copy", "thresholds"]


def _networks(w, a, v, b):
    return points(w, "w"), numbers(a, "a"), points(v, "v"), numbers(b, "b")


def loss(w, a, v, b, activation="erf"):
    """E[(f - f*)^2], a float; no factor 1/2."""
    return _core.students_loss(*_networks(w, a, v, b), activation)


def gradient(w, a, v, b, activation="erf"):
    """The gradient of the loss: (dw (n, d), da (n,))."""
    return _core.students_gradient(*_networks(w, a, v, b), activation)


def hessian(w, a, v, b, activation="erf"):
    """The Hessian of the loss, (P, P) with P = n (d + 1): w row by row, then a."""
    return _core.students_hessian(*_networks(w, a, v, b), activation)


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
