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


def points(value, name, dtypes=(np.float64,)):
    """The cloud as a C-contiguous array (N, d), float64 unless its own dtype is among `dtypes`; ValueError names the argument and what is wrong with it."""
    array = _as_array(value, name, dtypes)
    if array.ndim != 2:
        raise ValueError(f"{name}: shape {array.shape}; expected two dimensions (points, coordinates)")
    return _require_finite(array, name)


def pair(x, y):
    """Two clouds of one dtype: float32 when both are, else float64."""
    either = (np.float32, np.float64)
    x, y = points(x, "x", either), points(y, "y", either)
    dtype = np.result_type(x, y)
    return x.astype(dtype, copy=False), y.astype(dtype, copy=False)


def numbers(value, name):
    """The same for a list of numbers, shape (N,)."""
    array = _as_array(value, name)
    if array.ndim != 1:
        raise ValueError(f"{name}: shape {array.shape}; expected one dimension")
    return _require_finite(array, name)
