import numpy as np
import pytest

from starling import muon, optim

MATRIX = [optim.Muon, optim.NorMuon, optim.AdaMuon, optim.Scion, optim.Shampoo, optim.SOAP]
ALL = [*MATRIX, optim.AdamW, optim.Lion, optim.SGD]


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("optimizer", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_optimiser_descends_in_place_and_keeps_the_dtype(optimizer, dtype):
    target, w = normal(6, 4, seed=1, dtype=dtype), np.zeros((6, 4), dtype)
    optimiser = optimizer([w], lr=0.02)
    for _ in range(300):
        optimiser.step([w - target])
    assert w.dtype == dtype
    assert np.linalg.norm(w - target) < 0.3 * np.linalg.norm(target)


def test_muon_takes_the_steps_of_its_formula():
    w, expected, m = normal(5, 3), normal(5, 3), np.zeros((5, 3))
    optimiser = optim.Muon([w], lr=0.1, momentum=0.9, epsilon=0.3, weight_decay=0.2, tolerance=1e-12)
    for k in range(3):
        g = normal(5, 3, seed=k + 1)
        m = 0.9 * m + 0.1 * g
        step = muon.orthogonalize(0.1 * g + 0.9 * m, epsilon=0.3)
        expected = (1 - 0.1 * 0.2) * expected - 0.1 * np.sqrt(5 / 3) * step
        optimiser.step([g])
    np.testing.assert_allclose(w, expected, atol=1e-12)


def test_a_batch_is_its_matrices_and_a_convolution_one_matrix():
    batch, g = normal(3, 4, 5), normal(3, 4, 5, seed=1)
    single = [matrix.copy() for matrix in batch]
    optim.Muon([batch], lr=0.1).step([g])
    optim.Muon(single, lr=0.1).step(list(g))
    np.testing.assert_array_equal(batch, np.stack(single))
    kernel, flat = normal(3, 4, 5), normal(3, 4, 5).reshape(3, 20)
    optim.Muon([kernel], lr=0.1, layout="convolution").step([g])
    optim.Muon([flat], lr=0.1).step([g.reshape(3, 20)])
    np.testing.assert_array_equal(kernel.reshape(3, 20), flat)


class Tensor:
    """What a torch tensor shows: detach, shape, dtype and DLPack over memory that it shares."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, f"torch.{array.dtype}"

    def detach(self):
        return self

    def __dlpack__(self, **options):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_tensors_that_speak_dlpack_are_stepped_in_place():
    array, g = normal(4, 3, dtype=np.float32), normal(4, 3, seed=1, dtype=np.float32)
    same = array.copy()
    optim.Muon([Tensor(array)], lr=0.1).step([Tensor(g)])
    optim.Muon([same], lr=0.1).step([g])
    np.testing.assert_array_equal(array, same)


def test_the_functional_form_leaves_the_parameters_and_gives_what_to_add():
    params = {"a": normal(4, 3), "b": normal(2, 6, seed=1)}
    grads = {"a": normal(4, 3, seed=2), "b": normal(2, 6, seed=3)}
    held = {name: value.copy() for name, value in params.items()}
    functional = optim.Functional(optim.Muon, lr=0.1)
    state = functional.init(params)
    updates, state = functional.update(grads, state, params)
    for name in params:
        np.testing.assert_array_equal(params[name], held[name])
    optim.Muon(list(held.values()), lr=0.1).step(list(grads.values()))
    for name in params:
        np.testing.assert_allclose(params[name] + updates[name], held[name], atol=1e-15)


def test_names_and_shapes_say_what_a_matrix_is():
    assert optim.is_matrix("blocks.0.attn.qkv.weight", (3, 4))
    for name, shape in [("wte.weight", (9, 4)), ("lm_head.weight", (9, 4)), ("blocks.0.ln1.weight", (4,)), ("embed", (9, 4)), ("fc.bias", (4,))]:
        assert not optim.is_matrix(name, shape)


@pytest.mark.parametrize("optimizer", ALL)
def test_a_gradient_that_is_not_finite_changes_nothing(optimizer):
    w = normal(4, 3)
    optimiser = optimizer([w], lr=0.1)
    optimiser.step([normal(4, 3, seed=1)])
    before = w.copy()
    bad = normal(4, 3)
    bad[1, 1] = np.inf
    with pytest.raises(ArithmeticError, match=r"params\[0\]: .*not finite"):
        optimiser.step([bad])
    np.testing.assert_array_equal(w, before)


def test_slips_are_named():
    w = normal(4, 3)
    with pytest.raises(ValueError, match=r"params\[0\]: shape \(4,\); Muon takes matrices"):
        optim.Muon([normal(4)], lr=0.1)
    with pytest.raises(ValueError, match="momentum = 1"):
        optim.Muon([w], lr=0.1, momentum=1)
    with pytest.raises(ValueError, match="epsilon = -1"):
        optim.Muon([w], lr=0.1, epsilon=-1)
    with pytest.raises(ValueError, match="did you mean 'spectral'"):
        optim.Muon([w], lr=0.1, scale="spectrl")
    with pytest.raises(ValueError, match=r"grads\[0\]: shape \(3, 4\); expected \(4, 3\)"):
        optim.Muon([w], lr=0.1).step([normal(3, 4)])
    with pytest.raises(ValueError, match="dtype float16"):
        optim.Muon([w.astype(np.float16)], lr=0.1)
    with pytest.raises(ValueError, match="C-contiguous, writable"):
        optim.Muon([np.asfortranarray(w)], lr=0.1).step([w])
    with pytest.raises(ValueError, match="beta1: 1.5"):
        optim.AdamW([w], lr=0.1, beta1=1.5)
    with pytest.raises(ValueError, match="takes single matrices"):
        optim.SOAP([normal(2, 3, 4)], lr=0.1)


def test_a_split_matrix_is_its_parts():
    rng = np.random.default_rng(4)
    fused, grad = rng.standard_normal((12, 4)), rng.standard_normal((12, 4))
    parts = [fused[i : i + 4].copy() for i in (0, 4, 8)]
    whole = fused.copy()
    optim.Muon([whole], lr=0.1, split=3).step([grad])
    optim.Muon(parts, lr=0.1).step([grad[i : i + 4].copy() for i in (0, 4, 8)])
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    with pytest.raises(ValueError, match="cannot be split into 5 equal parts"):
        optim.Muon([whole], lr=0.1, split=5)


MODEL = {
    "wte.weight": (11, 4), "h.0.ln_1.weight": (4,), "h.0.attn.c_attn.weight": (12, 4), "h.0.attn.c_attn.bias": (12,),
    "h.0.mlp.weight": (8, 4), "conv1.weight": (6, 3, 2, 2), "experts.weight": (3, 5, 4), "lm_head.weight": (11, 4),
}


def test_routed_parameters_go_where_they_belong():
    rng = np.random.default_rng(5)
    start = {name: rng.standard_normal(shape) for name, shape in MODEL.items()}
    grads = {name: rng.standard_normal(shape) for name, shape in MODEL.items()}
    found = {name: value.copy() for name, value in start.items()}
    optimizer = optim.Routed(found.items(), lr=0.02, others=0.1, adam={"weight_decay": 0.1})
    assert sorted(optimizer.matrices) == ["conv1.weight", "experts.weight", "h.0.attn.c_attn.weight", "h.0.mlp.weight"]
    optimizer.step(grads)
    expected = {name: value.copy() for name, value in start.items()}
    optim.Muon([expected["h.0.attn.c_attn.weight"]], 0.02, split=3).step([grads["h.0.attn.c_attn.weight"]])
    optim.Muon([expected["conv1.weight"]], 0.02, layout="convolution").step([grads["conv1.weight"]])
    for name in ("h.0.mlp.weight", "experts.weight"):
        optim.Muon([expected[name]], 0.02).step([grads[name]])
    for name in ("wte.weight", "h.0.ln_1.weight", "h.0.attn.c_attn.bias", "lm_head.weight"):
        optim.AdamW([expected[name]], 0.002, weight_decay=0.1).step([grads[name]])
    for name in MODEL:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_routed_gradients_are_clipped_together_before_the_map():
    rng = np.random.default_rng(6)
    start = {"a.weight": rng.standard_normal((4, 3)), "a.bias": rng.standard_normal(4)}
    grads = {name: rng.standard_normal(value.shape) for name, value in start.items()}
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    clipped, scaled = ({name: value.copy() for name, value in start.items()} for _ in range(2))
    options = {"epsilon": 0.3, "adam": {"epsilon": 1.0}}  # of which neither is free of units
    optim.Routed(clipped, 0.1, clip=norm / 5, **options).step(grads)
    optim.Routed(scaled, 0.1, **options).step([grads["a.weight"] / 5, grads["a.bias"] / 5])
    for name in start:
        np.testing.assert_allclose(clipped[name], scaled[name], rtol=1e-13, err_msg=name)
    with pytest.raises(ArithmeticError, match="not finite"):
        optim.Routed(clipped, 0.1, clip=1.0).step({**grads, "a.bias": np.full(4, np.inf)})


def test_routing_names_what_is_missing_or_does_not_fit():
    weight = np.ones((4, 4))
    with pytest.raises(ValueError, match="grads: none for 'b'"):
        optim.Routed({"a": weight, "b": weight.copy()}, 0.1).step({"a": weight})
    with pytest.raises(ValueError, match="'a' stands there twice"):
        optim.Routed([("a", weight), ("a", weight)], 0.1)
    with pytest.raises(ValueError, match="qkv: params.*cannot be split into 3"):
        optim.Routed({"qkv": weight}, 0.1)
    with pytest.raises(ValueError, match="clip: 0"):
        optim.Routed({"a": weight}, 0.1, clip=0)
