"""Optimisers that step arrays in place: numpy, or torch tensors through DLPack, float32 or float64, never cast.

    muon = starling.optim.Muon([weight], lr=0.02)
    muon.step([gradient])

`params` is a list of C-contiguous, writable arrays. The matrix optimisers (Muon, NorMuon, AdaMuon, Scion; Shampoo and SOAP for
single matrices) read (..., rows, columns) as a batch of matrices, rows the outputs as torch lays them out; with
layout="convolution" (out, ...) is one matrix of `out` rows; split=3 makes three matrices, one below the other, of a fused QKV
projection, and split=heads as many of one. `Routed` does all this for the named parameters of a model. Otherwise give vectors, embeddings and heads to AdamW: `is_matrix` says what is
usual. The rate is the attribute `lr`. A step that meets a gradient which is not finite raises ArithmeticError and changes nothing
in that tensor; a ValueError names what does not fit.
"""

import re

import numpy as np

from . import _core

__all__ = ["SGD", "SOAP", "AdaMuon", "AdamW", "Functional", "Lion", "Muon", "NorMuon", "Routed", "Scion", "Shampoo", "is_matrix"]

_NOT_MATRICES = re.compile(r"embed|wte|wpe|lm_head|head\.|classifier|norm|bias|(^|\.)ln", re.IGNORECASE)


def is_matrix(name, shape):
    """Whether Muon usually takes the parameter: two dimensions or more, and no embedding, head, norm or bias by its name."""
    return len(shape) >= 2 and not _NOT_MATRICES.search(name)


def _plain(tensor):
    return tensor.detach() if hasattr(tensor, "detach") else tensor


def _dtype(tensor, name):
    kind = str(tensor.dtype).removeprefix("torch.")
    if kind not in ("float32", "float64"):
        raise ValueError(f"{name}: dtype {kind}; expected float32 or float64")
    return kind


class _Optimizer:
    _matrices = False
    _batches = True

    def __init__(self, params, kind, lr, options, layout="batched", split=1):
        if layout not in ("batched", "convolution"):
            raise ValueError(f"layout: {layout!r}; expected 'batched' or 'convolution'")
        if not lr >= 0 or not np.isfinite(lr):
            raise ValueError(f"lr: {lr}; expected a finite number of at least 0")
        self.lr = lr
        self.params = [_plain(p) for p in params]
        self._dtypes = [_dtype(p, f"params[{i}]") for i, p in enumerate(self.params)]
        self._steppers = []
        for i, (param, dtype) in enumerate(zip(self.params, self._dtypes)):
            shape = tuple(int(extent) for extent in param.shape)
            if not self._matrices:
                batch, rows, columns = 1, 1, int(np.prod(shape, dtype=np.int64))
            elif len(shape) < 2:
                raise ValueError(f"params[{i}]: shape {shape}; {type(self).__name__} takes matrices, give vectors to AdamW")
            elif layout == "convolution":
                batch, rows, columns = 1, shape[0], int(np.prod(shape[1:], dtype=np.int64))
            else:
                batch, rows, columns = int(np.prod(shape[:-2], dtype=np.int64)), *shape[-2:]
            if self._matrices and (split < 1 or rows % split):
                raise ValueError(f"params[{i}]: shape {shape}; its rows cannot be split into {split} equal parts")
            if self._matrices:
                batch, rows = batch * split, rows // split
            if batch != 1 and not self._batches:
                raise ValueError(f"params[{i}]: shape {shape}; {type(self).__name__} takes single matrices")
            make = _core.optimizer_f32 if dtype == "float32" else _core.optimizer_f64
            self._steppers.append(make(kind, batch, rows, columns, options))

    def step(self, grads):
        """One step in place; grads: one array for each of params, of its shape and dtype."""
        grads = [_plain(g) for g in grads]
        if len(grads) != len(self.params):
            raise ValueError(f"grads: {len(grads)} arrays for {len(self.params)} parameters")
        for i, (param, grad, dtype) in enumerate(zip(self.params, grads, self._dtypes)):
            if tuple(grad.shape) != tuple(param.shape):
                raise ValueError(f"grads[{i}]: shape {tuple(grad.shape)}; expected {tuple(param.shape)}")
            if _dtype(grad, f"grads[{i}]") != dtype:
                raise ValueError(f"grads[{i}]: dtype {grad.dtype}; expected {dtype}")
        for i, (stepper, param, grad) in enumerate(zip(self._steppers, self.params, grads)):
            if isinstance(grad, np.ndarray):
                grad = np.ascontiguousarray(grad)
            try:
                stepper.step(self.lr, param, grad)
            except TypeError:
                raise ValueError(f"params[{i}]: expected a C-contiguous, writable array on the CPU") from None
            except ArithmeticError as error:
                raise ArithmeticError(f"params[{i}]: {error}") from None


class Muon(_Optimizer):
    """Momentum, a map of its singular values towards 1, a step of lr times `scale`.

    momentum: beta, M <- beta M + (1 - beta) g, or + g with convention="sum"; nesterov maps (1 - beta) g + beta M instead of M.
    epsilon: of the regularised map, in the units of M. None is half the root mean square of M's singular values, free of units.
    method: as in starling.muon.orthogonalize; steps: of its iteration, None for its own number.
    scale: "spectral" sqrt(max(1, rows / columns)), "rms" 0.2 sqrt(max(rows, columns)), "operator_norm" sqrt(rows / columns), "none".
    weight_decay: decoupled, by the rate alone.
    """

    _matrices = True
    _variant = "muon"

    def __init__(
        self, params, lr, momentum=0.95, nesterov=True, epsilon=None, scale="spectral", weight_decay=0.0, *,
        method="regularized", steps=None, tolerance=1e-3, convention="average", layout="batched", split=1, second_decay=0.95,
    ):
        if convention not in ("average", "sum"):
            raise ValueError(f"convention: {convention!r}; expected 'average' or 'sum'")
        options = {
            "variant": self._variant, "momentum": float(momentum), "nesterov": bool(nesterov), "sum": convention == "sum",
            "method": method, "epsilon": 0.5 if epsilon is None else float(epsilon), "relative": epsilon is None,
            "steps": steps or 0, "tolerance": float(tolerance), "scale": scale, "weight_decay": float(weight_decay),
            "second_decay": float(second_decay),
        }
        super().__init__(params, "muon", lr, options, layout, split)


class NorMuon(Muon):
    """Muon whose rows are evened out by a running mean of their squares (arXiv:2510.05491); scale "rms"."""

    _variant = "normuon"

    def __init__(self, params, lr, momentum=0.95, nesterov=True, epsilon=None, scale="rms", weight_decay=0.0, **others):
        super().__init__(params, lr, momentum, nesterov, epsilon, scale, weight_decay, **others)


class AdaMuon(Muon):
    """Muon of the sign of its momentum, with a running second moment for each entry (arXiv:2507.11005); scale "rms"."""

    _variant = "adamuon"

    def __init__(self, params, lr, momentum=0.95, nesterov=True, epsilon=None, scale="rms", weight_decay=0.0, **others):
        super().__init__(params, lr, momentum, nesterov, epsilon, scale, weight_decay, **others)


class Scion(Muon):
    """Muon as a linear minimisation over a ball of the RMS to RMS operator norm, unconstrained (arXiv:2502.07529)."""

    _variant = "scion"

    def __init__(self, params, lr, momentum=0.9, nesterov=False, epsilon=None, scale="operator_norm", weight_decay=0.0, **others):
        super().__init__(params, lr, momentum, nesterov, epsilon, scale, weight_decay, **others)


class Shampoo(_Optimizer):
    """L^(-1/4) M R^(-1/4) with running means L of g g^T and R of g^T g (Gupta, Koren and Singer, 2018)."""

    _matrices = True
    _batches = False

    def __init__(self, params, lr, momentum=0.9, second=0.95, epsilon=1e-8, weight_decay=0.0, every=10, *, layout="batched"):
        options = {"momentum": momentum, "second": second, "epsilon": epsilon, "weight_decay": weight_decay, "every": every}
        super().__init__(params, "shampoo", lr, options, layout)


class SOAP(_Optimizer):
    """Adam in the eigenbases of Shampoo's L and R, renewed each `every` steps (Vyas et al., arXiv:2409.11321)."""

    _matrices = True
    _batches = False

    def __init__(self, params, lr, beta1=0.95, beta2=0.95, epsilon=1e-8, weight_decay=0.0, every=10, *, layout="batched"):
        options = {"beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": weight_decay, "every": every}
        super().__init__(params, "soap", lr, options, layout)


def _require_shares(**values):
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name}: {value}; expected a number in [0, 1)")


class AdamW(_Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    def __init__(self, params, lr, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
        _require_shares(beta1=beta1, beta2=beta2)
        if not epsilon > 0:
            raise ValueError(f"epsilon: {epsilon}; expected a positive number")
        super().__init__(params, "adamw", lr, {"beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": weight_decay})


class Lion(_Optimizer):
    """The sign of an interpolated momentum (Chen et al., 2023)."""

    def __init__(self, params, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
        _require_shares(beta1=beta1, beta2=beta2)
        super().__init__(params, "lion", lr, {"beta1": beta1, "beta2": beta2, "weight_decay": weight_decay})


class SGD(_Optimizer):
    """Descent with heavy-ball momentum: v <- momentum v + g, w <- w - lr v."""

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        _require_shares(momentum=momentum)
        super().__init__(params, "sgd", lr, {"momentum": momentum, "weight_decay": weight_decay})


class Routed:
    """A matrix rule and AdamW over a model's named parameters, each to whom it belongs.

        optimizer = starling.optim.Routed(model.named_parameters(), lr=0.02)
        optimizer.step({name: p.grad for name, p in model.named_parameters()})

    named_params: a dict, or pairs of name and array. What `is_matrix` accepts goes to `rule`, the rest to AdamW at lr * others.
    split: {pattern: parts}, regular expressions for names whose matrices are fused below each other; by default QKV projections
        into 3. Four dimensions and more, and three where the name says conv, are a convolution; else three are a batch.
    clip: the largest norm of all gradients together, applied before anything else; None never clips.
    adam: options of AdamW; all other options are the rule's.
    """

    QKV = {r"qkv|c_attn|in_proj": 3}

    def __init__(self, named_params, lr, *, rule=Muon, others=0.05, split=None, clip=None, adam=None, **options):
        if clip is not None and not clip > 0:
            raise ValueError(f"clip: {clip}; expected a positive number")
        named = list(named_params.items() if isinstance(named_params, dict) else named_params)
        self.names = [name for name, _ in named]
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"named_params: {max(self.names, key=self.names.count)!r} stands there twice")
        self.others, self.clip = others, clip
        patterns = self.QKV if split is None else split
        self.matrices, rest = {}, []
        for name, param in named:
            shape = tuple(int(extent) for extent in param.shape)
            if not is_matrix(name, shape):
                rest.append((name, param))
                continue
            convolution = len(shape) > 3 or (len(shape) == 3 and "conv" in name.lower())
            parts = next((count for pattern, count in patterns.items() if re.search(pattern, name)), 1)
            extra = {"split": parts} if parts != 1 else {}
            try:
                self.matrices[name] = rule([param], lr, layout="convolution" if convolution else "batched", **extra, **options)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        self.rest_names = [name for name, _ in rest]
        self.rest = AdamW([param for _, param in rest], lr * others, **(adam or {}))
        self.lr = lr

    def step(self, grads):
        """One step in place; grads: a dict by name, or a list in the order of the parameters."""
        grads = dict(grads) if isinstance(grads, dict) else dict(zip(self.names, grads, strict=True))
        missing = [name for name in self.names if grads.get(name) is None]
        if missing:
            raise ValueError(f"grads: none for {missing[0]!r}")
        scale = self._scale(grads)
        if scale != 1:
            grads = {name: _plain(grads[name]) * scale for name in self.names}
        self.rest.lr = self.lr * self.others
        for name, optimizer in self.matrices.items():
            optimizer.lr = self.lr
            optimizer.step([grads[name]])
        self.rest.step([grads[name] for name in self.rest_names])

    def _scale(self, grads):
        if self.clip is None:
            return 1
        norm = float(np.sqrt(sum(float((_plain(grads[name]) ** 2).sum()) for name in self.names)))
        if not np.isfinite(norm):
            raise ArithmeticError("grads: their norm is not finite")
        return min(1.0, self.clip / norm) if norm > 0 else 1


class Functional:
    """init/update in optax's form over a list or a dict of arrays: update gives what to add, and changes no parameter.

        muon = starling.optim.Functional(starling.optim.Muon, lr=0.02)
        state = muon.init(params)
        updates, state = muon.update(grads, state, params)

    The state is advanced in place and returned; keep no older one.
    """

    def __init__(self, optimizer, **options):
        self._make = lambda arrays: optimizer(arrays, **options)

    @staticmethod
    def _list(tree):
        return list(tree.values()) if isinstance(tree, dict) else list(tree)

    def init(self, params):
        """The state of an optimiser for params, a list or a dict of arrays, which it copies."""
        return self._make([np.array(p, order="C") for p in self._list(params)])

    def update(self, grads, state, params):
        """(updates, state): what to add to params, in their form; grads are of the same form and shapes. Errors as for `step`."""
        before = [np.asarray(p) for p in self._list(params)]
        for held, now in zip(state.params, before):
            held[...] = now
        state.step([np.asarray(g) for g in self._list(grads)])
        updates = [held - old for held, old in zip(state.params, before)]
        return (dict(zip(params, updates)) if isinstance(params, dict) else updates), state
