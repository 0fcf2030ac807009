"""How far one cloud of points is from another: exact, in double precision, streamed over pairs.

Clouds are x (N, d) and y (M, d): numpy or any DLPack array, of any real dtype. A ValueError names the argument, the place
and what was expected.
"""

from . import _core
from ._arrays import points

__all__ = ["energy_distance", "mmd2", "sliced_wasserstein"]


def mmd2(x, y, bandwidth=1.0, unbiased=False):
    """The squared maximum mean discrepancy with kernel exp(-r^2 / (2 bandwidth^2)), bandwidth > 0.

    The V-statistic (never negative), or with `unbiased` the U-statistic, which leaves self pairs out and may be negative.
    Source: Gretton et al., JMLR 13 (2012), equations 3 and 5.
    """
    return _core.mmd2(points(x, "x"), points(y, "y"), bandwidth, unbiased)


def energy_distance(x, y, unbiased=False):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, in units of distance; `unbiased` as for mmd2.

    Source: Szekely and Rizzo, J. Stat. Plan. Inference 143 (2013).
    """
    return _core.energy_distance(points(x, "x"), points(y, "y"), unbiased)


def sliced_wasserstein(x, y, directions, p=2):
    """The mean over the rows of `directions` (K, d) of W_p^p between the projections: W_2^2 for p = 2, W_1 for p = 1.

    Exact by quantile coupling, whatever the two sizes. Directions are used as given, not normalised.
    Source: Bonneel et al., J. Math. Imaging Vis. 51 (2015).
    """
    directions = points(directions, "directions")
    if not len(directions):
        raise ValueError("directions: empty; expected at least one")
    return _core.sliced_wasserstein(points(x, "x"), points(y, "y"), directions, p)
