import numpy as np
import pytest

from starling import metrics

X = [(0, 0), (1, 0.5), (-0.3, 0.8), (0.2, -1.1)]
Y = [(0.5, 0.5), (-1, 0.2), (1.5, -0.7), (0.1, 1.3), (-0.6, -0.9)]
ANGLES = np.arange(8) * np.pi / 8
DIRECTIONS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def test_the_printed_figures_of_four_against_five_points():
    assert metrics.mmd2(X, Y) == pytest.approx(0.095241775265, abs=1e-12)
    assert metrics.mmd2(X, Y, unbiased=True) == pytest.approx(-0.198839052789, abs=1e-12)
    assert metrics.energy_distance(X, Y) == pytest.approx(0.276003901926, abs=1e-12)
    assert metrics.energy_distance(X, Y, unbiased=True) == pytest.approx(-0.424939410850, abs=1e-12)
    assert metrics.sliced_wasserstein(X, Y, DIRECTIONS) == pytest.approx(0.213231888378, abs=1e-12)
    assert metrics.sliced_wasserstein(X, Y, DIRECTIONS, p=1) == pytest.approx(0.387203687534, abs=1e-12)


def test_layout_and_dtype_do_not_change_the_value():
    x, y = np.array(X), np.array(Y)
    expected = metrics.mmd2(x, y)
    assert metrics.mmd2(np.asfortranarray(x), y) == expected
    assert metrics.mmd2(np.repeat(x, 2, axis=0)[::2], y) == expected
    assert metrics.mmd2(x.astype(np.float32), y) == pytest.approx(expected, abs=1e-7)
    assert metrics.energy_distance(np.array([[0, 1], [2, 3]]), y) == metrics.energy_distance([[0.0, 1.0], [2.0, 3.0]], y)


class Foreign:
    """An array of another library, seen through DLPack alone."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_an_array_of_another_library_comes_in_through_dlpack():
    assert metrics.mmd2(Foreign(np.array(X)), Foreign(np.array(Y))) == metrics.mmd2(X, Y)
    strided = np.repeat(np.array(X, dtype=np.float32), 2, axis=0)[::2]
    assert metrics.mmd2(Foreign(strided), Y) == pytest.approx(metrics.mmd2(X, Y), abs=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.mmd2([1.0, 2.0], Y), r"x: shape \(2,\); expected two dimensions \(points, coordinates\)"),
        (lambda: metrics.mmd2(X, [[0, 1], [np.nan, 2]]), "y: value at row 1, column 0 is nan; expected finite numbers"),
        (lambda: metrics.mmd2(X, [[1j, 0]]), "y: dtype complex128; expected real numbers"),
        (lambda: metrics.mmd2(X, [[1, 2], [3]]), "y: cannot be read as an array"),
        (lambda: metrics.mmd2(X, Y, bandwidth=0), "bandwidth: 0 is out of range; expected a positive, finite number"),
        (lambda: metrics.mmd2(X, [[1, 2, 3]]), "x has 2 columns and y has 3"),
        (lambda: metrics.energy_distance(X, np.empty((0, 2))), "x has 4 points and y has 0; expected at least 1"),
        (lambda: metrics.sliced_wasserstein(X, Y, np.empty((0, 2))), "directions: empty; expected at least one"),
        (lambda: metrics.sliced_wasserstein(X, Y, DIRECTIONS, p=0), "p: 0 is out of range"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
