"""The census of students: the same algorithm batched in numpy, and SciPy's optimisers on the same loss from the same kind of starts."""

import harness
from harness import Case, Measured, Rival

import numpy as np

import starling
from landscape import Landscape, settle

TITLE = "The census of students"
ABOUT = (
    "Where n erf neurons that fit k end, from random starts to max |gradient| < 1e-8; the time is a seed's. numpy runs the census's algorithm, "
    "batched over its seeds. SciPy descends by its L-BFGS and BFGS, one seed after the other, on Starling's loss and gradient: quicker paths than "
    "the flow's, which end at the same critical points in other shares. Compared are the losses at the ends with the nearest that the "
    "census lists, nine seeds in ten; for numpy the share of the commonest end too, which must be within five standard errors."
)


class Ends:
    """Losses at the ends of a rival's seeds; `flow` where they are the gradient flow's, so that shares must agree."""

    def __init__(self, losses, flow):
        self.losses, self.flow = np.asarray(losses), flow


def difference(ends, census):
    listed = np.array([entry["loss"] for entry in census])
    found = np.quantile(np.abs(ends.losses[:, None] - listed).min(axis=1), 0.9)
    if ends.flow:
        share, count = census[0]["share"], sum(entry["count"] for entry in census)
        own = np.mean(np.abs(ends.losses - listed[0]) < 1e-7)
        error = np.sqrt(share * (1 - share) * (1 / count + 1 / len(ends.losses)))
        if abs(own - share) > 5 * max(error, 1e-9):
            return float("inf")
    return float(found)


def starts(n, k, seeds):
    """Glorot normal, as the census draws them: w row by row, then a."""
    d, rng = k + 1, np.random.default_rng(0)
    w = rng.normal(0, np.sqrt(2 / (d + n)), (seeds, n * d))
    return np.concatenate([w, rng.normal(0, np.sqrt(2 / (n + 1)), (seeds, n))], axis=1)


def a_seed(seeds, run):
    """The call whose seconds are those of one seed."""

    def timed():
        begin = harness.clock()
        answer = run()
        return Measured(answer, (harness.clock() - begin) / seeds)

    return timed


def ours(n, k, seeds):
    return a_seed(seeds, lambda: starling.students.census(n, k, k + 1, seeds=seeds, threads=harness.THREADS))


def in_numpy(n, k, seeds):
    problem = Landscape(n, k, k + 1)
    return a_seed(seeds, lambda: Ends(problem.loss(settle(problem, starts(n, k, seeds))), flow=True))


def in_scipy(n, k, seeds, method):
    from scipy.optimize import minimize

    d = k + 1
    v, b = np.eye(k, d), np.ones(k)

    def loss_and_slope(z):
        w, a = z[: n * d].reshape(n, d), z[n * d :]
        dw, da = starling.students.gradient(w, a, v, b)
        return starling.students.loss(w, a, v, b), np.concatenate([dw.ravel(), da])

    options = {"maxiter": 20_000, "gtol": 1e-8} | ({"ftol": 0.0, "maxfun": 40_000} if method == "L-BFGS-B" else {})

    def run():
        return Ends([minimize(loss_and_slope, z, jac=True, method=method, options=options).fun for z in starts(n, k, seeds)], flow=False)

    return a_seed(seeds, run)


def case(n, k, seeds, **options):
    rivals = [
        Rival("numpy", lambda: in_numpy(n, k, seeds // 10)),
        Rival("SciPy, L-BFGS", lambda: in_scipy(n, k, 20, "L-BFGS-B")),
        Rival("SciPy, BFGS", lambda: in_scipy(n, k, 20, "BFGS")),
    ]
    return Case(f"{n} fit {k}", "double", ours(n, k, seeds), rivals, tolerance=1e-7, difference=difference, **options)


def cases():
    yield case(4, 5, 2000, quick=True)
    yield case(6, 8, 1000, rounds=2)
