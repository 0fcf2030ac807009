"""Attention networks whose heads are particles over depth, trained with AdamW, and their limit of infinite depth.

x_{l+1} = x_l + L^-alpha / H sum_h attn_{l,h}(x_l), attn(x)_i = O V sum_j w_ij x_j, w_ij = softmax_j(<Q x_i, K x_j> / sqrt(dh)). With
alpha = 1 the network is an Euler scheme of a flow of its tokens. "Uniform Scaling Limits in AdamW-Trained Transformers",
arXiv:2605.11059; formulas are a reconstruction from its abstract. Heads: q, k, v (..., dh, d) and o (..., d, dh). Everything is
float64. A ValueError names what does not fit; an ArithmeticError numbers that are not finite, or where a solver gave up.
"""

import operator

import numpy as np

from . import _core
from ._arrays import numbers, points

__all__ = ["Network", "adamw", "attention", "cluster", "joint_table", "limit", "rate_constants", "train"]

_NAMES = ("q", "k", "v", "o")
_MOMENTS = ("element", "block_sum", "block_mean", "head_sum")
_DEFAULTS = {
    "lr": 0.02, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-2, "weight_decay": 0.01, "second_moment": "element",
    "bias_correction": True, "epsilon_units": "mean_field", "optimizer": "adamw", "momentum": 0.95, "nesterov": True,
    "map_epsilon": 0.5,
}


def _finite(value, name, dimensions):
    array = np.asarray(value, dtype=np.float64)
    if array.ndim not in dimensions:
        raise ValueError(f"{name}: shape {array.shape}; expected {' or '.join(map(str, dimensions))} dimensions")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return np.ascontiguousarray(array)


def _heads(heads, axes, name="heads"):
    """The four matrices packed as (*leading, 4 dh d), and (leading, dh, d); `axes` names the leading axes."""
    if not isinstance(heads, (tuple, list, np.ndarray)) or len(heads) != 4:
        raise ValueError(f"{name}: expected the four arrays q, k, v, o")
    q, k, v, o = (_finite(array, n, (len(axes) + 2,)) for n, array in zip(_NAMES, heads))
    for n, array in zip(_NAMES[1:3], (k, v)):
        if array.shape != q.shape:
            raise ValueError(f"{n}: shape {array.shape}; expected that of q, {q.shape}")
    *leading, dh, d = q.shape
    if o.shape != (*leading, d, dh):
        raise ValueError(f"o: shape {o.shape}; expected {(*leading, d, dh)}")
    for axis, count in zip((*axes, "head width", "width"), q.shape):
        if count < 1:
            raise ValueError(f"q: shape {q.shape}; expected at least one {axis}")
    packed = np.concatenate([m.reshape(*leading, dh * d) for m in (q, k, v, o)], axis=-1)
    return packed, tuple(leading), dh, d


def _unpack(flat, leading, dh, d):
    parts = np.split(flat.reshape(*leading, 4 * dh * d), 4, axis=-1)
    return [part.reshape(*leading, *((dh, d) if n != "o" else (d, dh))) for n, part in zip(_NAMES, parts)]


def _sequences(x, name, d):
    """x (n, d) or (B, n, d), checked."""
    x = _finite(x, name, (2, 3))
    if x.shape[-1] != d or x.size == 0:
        raise ValueError(f"{name}: shape {x.shape}; expected (..., tokens, {d}), not empty")
    return x


def _pair(x, y, d):
    x, y = _sequences(x, "x", d), _sequences(y, "y", d)
    if x.shape != y.shape:
        raise ValueError(f"y: shape {y.shape}; expected that of x, {x.shape}")
    return x, y


def _count(value, name, least=1):
    count = operator.index(value)
    if count < least:
        raise ValueError(f"{name}: {count}; expected at least {least}")
    return count


def _options(optimiser):
    unknown = set(optimiser) - set(_DEFAULTS)
    if unknown:
        raise ValueError(f"optimiser: unknown {', '.join(sorted(map(repr, unknown)))}; expected some of {', '.join(_DEFAULTS)}")
    return {**_DEFAULTS, **optimiser}


def attention(x, q, k, v, o, causal=False):
    """The mean over heads of attn(x), (n, d). x (n, d); q, k, v (H, dh, d), o (H, d, dh). causal: token i sees j <= i only."""
    packed, (heads,), dh, d = _heads((q, k, v, o), ("head",))
    x = points(x, "x")
    _sequences(x, "x", d)
    out = _core.depth_forward(packed.ravel(), [1, heads, dh, d], bool(causal), 1.0, "none", False, len(x), 1, x.ravel())
    return out.reshape(x.shape) - x


class Network:
    """A network of L layers of H heads: q, k, v (L, H, dh, d), o (L, H, d, dh). Tokens are (n, d), or (B, n, d) for a batch."""

    def __init__(self, q, k, v, o, causal=False, *, residual_exponent=1.0, norm="none", memory="stored", sphere=False):
        """residual_exponent: alpha; 1 is the flow in depth, 1/2 its diffusive scaling, 0 the usual network.
        norm: what the heads read of a token: "none", itself; "layer", less its mean, to variance 1; "rms", to mean square 1.
        memory: what the backward pass has of the forward pass: "stored", every layer; "checkpoints", about sqrt(L) of them and
            one more forward pass; "inverse", the last alone, each layer inverted by a fixed point.
        sphere: tokens are scaled to length 1, before the first layer and after each (arXiv:2312.10794); not with "inverse".
        """
        self._packed, (layers, heads), self._dh, self._d = _heads((q, k, v, o), ("layer", "head"))
        self._shape = [layers, heads, self._dh, self._d]
        self._causal, self._alpha, self._norm, self._memory = bool(causal), float(residual_exponent), norm, memory
        self._sphere = bool(sphere)

    def _arguments(self, x):
        sequences = x.shape[0] if x.ndim == 3 else 1
        return self._packed.ravel(), self._shape, self._causal, self._alpha, self._norm, self._sphere, x.shape[-2], sequences

    def forward(self, x):
        """x_L, of x's shape."""
        x = _sequences(x, "x", self._d)
        return _core.depth_forward(*self._arguments(x), x.ravel()).reshape(x.shape)

    def loss(self, x, y):
        """1 / 2n sum_i |x_L,i - y_i|^2, a mean over sequences."""
        x, y = _pair(x, y, self._d)
        return _core.depth_loss(*self._arguments(x), x.ravel(), y.ravel())

    def gradient(self, x, y):
        """dict(loss, p0, dq, dk, dv, do): p0 = dloss/dx, and the raw gradients dloss/dq, ...; the mean field's are L^alpha H times
        those. Exact for this network, not for its limit."""
        x, y = _pair(x, y, self._d)
        *network, tokens, sequences = self._arguments(x)
        value, p0, slope = _core.depth_gradient(
            *network, self._memory, tokens, sequences, x.ravel(), y.ravel()
        )
        out = {"loss": value, "p0": p0.reshape(x.shape)}
        parts = _unpack(slope, self._packed.shape[:-1], self._dh, self._d)
        return out | {f"d{name}": part for name, part in zip(_NAMES, parts)}

    def diagnose(self, x, seeds=()):
        """How far this one network is from its limit of infinite depth, without a reference; L even, residual_exponent 1.

        seeds: other networks of this shape, trained alike from independent starts.

        dict of mean squares over tokens (and sequences): euler, what merging neighbouring layers changes; fluctuation, from the
        distance of the two halves of its heads, or with `seeds` the variance over all of these networks; `now` = euler +
        fluctuation, the squared error to expect, `twice_the_layers` = euler / 4 + fluctuation / 2 and `twice_the_heads` = euler +
        fluctuation / 2 by the law a / L^2 + b / (L H). Trained heads adapt to each other: then the halves give upper bounds, and
        seeds do not.
        """
        networks = (self, *seeds)
        for one in networks:
            if one._alpha != 1:
                raise ValueError(f"residual_exponent: {one._alpha}; diagnose expects 1")
            if one._sphere:
                raise ValueError("sphere: True; diagnose expects tokens that are free")
            if (one._shape, one._causal, one._norm) != (self._shape, self._causal, self._norm):
                raise ValueError(f"seeds: a network of shape {one._shape}; expected {self._shape}, causal and norm alike")
        x = _sequences(x, "x", self._d)
        call = (self._shape, self._causal, self._norm, x.shape[-2], x.ravel())
        euler, fluctuation = _core.depth_diagnose(self._packed.ravel(), *call)
        if seeds:
            fluctuation = _core.depth_seeds_fluctuation([one._packed.ravel() for one in networks], *call)
        return {
            "euler": euler, "fluctuation": fluctuation, "now": euler + fluctuation,
            "twice_the_layers": euler / 4 + fluctuation / 2, "twice_the_heads": euler + fluctuation / 2,
        }


def adamw(
    theta, gradient, steps, lr, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0, second_moment="element", *,
    bias_correction=True,
):
    """theta after each of `steps` steps of theta <- theta - lr (weight_decay theta + m / (sqrt(v) + epsilon)), (steps, size).

    gradient: a callable of theta (size,).
    second_moment: v is the running mean of squares of each "element", or one number: of the sum of squares of all of theta
        ("block_sum", also "head_sum"), or of their mean ("block_mean").
    """
    options = {
        "lr": float(lr), "beta1": float(beta1), "beta2": float(beta2), "epsilon": float(epsilon),
        "weight_decay": float(weight_decay), "second_moment": second_moment, "bias_correction": bool(bias_correction),
    }
    start = numbers(theta, "theta")
    return _core.depth_adamw(start, lambda at: numbers(gradient(at), "gradient"), _count(steps, "steps", 0), options)


def limit(head_at, x, y=None, causal=False, *, norm="none"):
    """The flow of infinite depth: dX/ds = mean over heads of attn(X), X(0) = x, by collocation of order 8, to 1e-13.

    head_at: a callable of the depth s in [0, 1] that gives (q, k, v, o) of one layer, smooth in s; or the arrays (q, k, v, o)
        themselves, atoms of a law that is the same at every depth. q, k, v (H, dh, d), o (H, d, dh). x (n, d). norm as Network has it.
    dict(x1, p0, loss, error, panels): X(1); with y the adjoint p0 = dloss/dx and loss = 1 / 2n sum_i |x1_i - y_i|^2, else None;
    error bounds what is left in x1 and p0.
    """
    at = head_at if callable(head_at) else lambda s: head_at
    first, _, dh, d = _heads(at(0.0), ("head",), "head_at(0)")
    fixed = None if callable(head_at) else first.ravel()
    x = points(x, "x")
    if y is None:
        _sequences(x, "x", d)
        target = np.empty(0)
    else:
        x, y = _pair(x, points(y, "y"), d)
        target = y.ravel()
    packed = (lambda s: fixed) if fixed is not None else lambda s: _heads(at(s), ("head",), f"head_at({s})")[0].ravel()
    x1, p0, loss, error, panels = _core.depth_limit(packed, dh, d, len(x), bool(causal), norm, x.ravel(), target)
    return {
        "x1": x1.reshape(x.shape), "p0": None if y is None else p0.reshape(x.shape), "loss": None if y is None else loss,
        "error": error, "panels": panels,
    }


def train(
    atoms, x, y, layers, heads, steps, optimiser=None, seed=0, stratified=False, *, causal=False, residual_exponent=1.0,
    norm="none", memory="stored", sphere=False,
):
    """Trains a network on a full batch by AdamW, or another optimiser, on mean-field gradients.

    atoms: (q, k, v, o) with leading axis M, a law of heads: drawn independently for every layer, or all M in every layer when
        `stratified` (`heads` must be M or None then).
    x, y (n, d) or (B, n, d). optimiser: dict of lr 0.02, beta1 0.9, beta2 0.95, epsilon 1e-2, weight_decay 0.01, second_moment
        "element" ("block_sum", "block_mean": over each matrix; "head_sum": over all four of a head), bias_correction True,
        epsilon_units "mean_field" ("raw": those of dloss/dtheta); optimizer "adamw" ("muon", "normuon", "adamuon", "scion",
        "shampoo", "soap": of q, k, v, o of every head; "lion", "sgd") with momentum 0.95, nesterov True, map_epsilon 0.5. causal, residual_exponent, norm, memory, sphere as Network
        has them.
    dict(losses (steps + 1,) after k steps; x1 the outputs, p1 n times the adjoint of x, and q, k, v, o after the last).
    """
    packed, (count,), dh, d = _heads(atoms, ("atom",), "atoms")
    if stratified and heads not in (None, count):
        raise ValueError(f"heads: {heads}; a stratified network has all {count} atoms in every layer")
    x, y = _pair(x, y, d)
    shape = [_count(layers, "layers"), count if stratified else _count(heads, "heads"), dh, d]
    losses, x1, p1, weights = _core.depth_train(
        packed.ravel(), shape, bool(stratified), bool(causal), float(residual_exponent), norm, bool(sphere), memory,
        x.shape[-2], x.ravel(), y.ravel(),
        _count(steps, "steps", 0), _options(optimiser or {}), _count(seed, "seed", 0),
    )
    out = {"losses": losses, "x1": x1.reshape(x.shape), "p1": p1.reshape(x.shape)}
    return out | dict(zip(_NAMES, _unpack(weights, tuple(shape[:2]), dh, d)))


def rate_constants(atoms, x, causal=False):
    """dict(a, b) of E mean_i |x_i - X_i|^2 = a / L^2 + b / (L H) for networks drawn from the atoms, before training: the squared
    slope of the Euler error, and the fluctuation by the delta method, from one solution of the limit each."""
    packed, (count,), dh, d = _heads(atoms, ("atom",), "atoms")
    x = points(x, "x")
    _sequences(x, "x", d)
    a, b = _core.depth_rate_constants(packed.ravel(), [1, count, dh, d], bool(causal), len(x), x.ravel())
    return {"a": a, "b": b}


def joint_table(
    atoms, x, y, layers=(4, 8, 16, 32, 64), heads=(1, 4, 16), steps=(0, 1, 10, 50), replicas=96, optimiser=None, seed=1, causal=False
):
    """How far trained networks of L layers and H heads are from the limit, and the laws that fit.

    atoms, optimiser as train() has them; x and y (n, d); steps: when errors are measured, ascending.
    dict(hidden, adjoint (steps, layers, heads, 4): mean over replicas of mean_i |x_i - X_i|^2 for the outputs, and for n dloss/dx;
        hidden_law, adjoint_law: dicts of (steps, 4): the exponents `layers` and `heads` of L^p H^q, and `a`, `b` of a / L^2 + b / (L H);
        limit_loss (steps,)). The last axis is value, standard error, and the ends of its 95% interval.
    """
    packed, (count,), dh, d = _heads(atoms, ("atom",), "atoms")
    x, y = _pair(points(x, "x"), points(y, "y"), d)
    return _core.depth_joint_table(
        packed.ravel(), [1, count, dh, d], bool(causal), len(x), x.ravel(), y.ravel(), [_count(n, "layers") for n in layers],
        [_count(n, "heads") for n in heads], [_count(k, "steps", 0) for k in steps], _count(replicas, "replicas", 2),
        _options(optimiser or {}), _count(seed, "seed", 0),
    )


def cluster(x, beta, times):
    """Tokens on the sphere under attention alone, x_i' = the tangential part of sum_j exp(beta <x_i, x_j>) x_j / Z_i: (T, n, d).

    x (n, d), rows scaled to length 1 first; times (T,), from 0 or later, which do not descend. arXiv:2312.10794.
    """
    x, times = points(x, "x"), numbers(times, "times")
    return _core.depth_cluster(x.ravel(), x.shape[1], float(beta), times).reshape(len(times), *x.shape)
