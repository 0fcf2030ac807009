"""What arrays may come in: numpy, or anything that speaks DLPack (torch, jax, cupy on the CPU), or nested lists."""

import numpy as np


def _as_array(value, name, dtypes=(np.float64,)):
    if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__"):
        try:
            value = np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name}: cannot be read as an array ({error}); expected a CPU array without a gradient: call .detach().cpu()"
            ) from None
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: cannot be read as an array ({error}); expected numbers in equal rows") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: dtype {array.dtype}; expected real numbers")
    return np.asarray(array, dtype=array.dtype if array.dtype in dtypes else np.float64, order="C")


def _require_finite(array, name):
    finite = np.isfinite(array)
    if not finite.all():
        bad = tuple(np.argwhere(~finite)[0])
        place = ", ".join(f"{axis} {k}" for axis, k in zip(("row", "column"), bad))
        raise ValueError(f"{name}: value at {place} is {array[bad]}; expected finite numbers")
    return array


def matrix(value, name, dtypes=(np.float64,)):
    """A C-contiguous array of two dimensions, float64 unless its own dtype is among `dtypes`; its numbers may be anything."""
    array = _as_array(value, name, dtypes)
    if array.ndim != 2:
        raise ValueError(f"{name}: shape {array.shape}; expected two dimensions (points, coordinates)")
    return array


def points(value, name, dtypes=(np.float64,)):
    """The cloud as a matrix() of finite numbers (N, d); ValueError names the argument and what is wrong with it."""
    return _require_finite(matrix(value, name, dtypes), name)


def pair(x, y):
    """Two clouds of one dtype: float32 when both are, else float64."""
    either = (np.float32, np.float64)
    x, y = points(x, "x", either), points(y, "y", either)
    dtype = np.result_type(x, y)
    return x.astype(dtype, copy=False), y.astype(dtype, copy=False)


def vector(value, name):
    """As matrix(), of one dimension."""
    array = _as_array(value, name)
    if array.ndim != 1:
        raise ValueError(f"{name}: shape {array.shape}; expected one dimension")
    return array


def numbers(value, name):
    """As points(), for a list of numbers, shape (N,)."""
    return _require_finite(vector(value, name), name)
