import numpy as np
import pytest

import starling
from starling import depth


def sine_tokens(n, d):
    i, j = np.mgrid[1 : n + 1, 1 : d + 1]
    return np.sin(0.9 * i + 1.3 * j**2 + 0.3 * i * j)


def cosine_targets(n, d):
    i, j = np.mgrid[1 : n + 1, 1 : d + 1]
    return np.cos(0.5 * i - 0.8 * j)


def sine_heads(heads, dh, d, depth_of_layer, amplitude=0.5):
    h, r, a = np.mgrid[1 : heads + 1, 1 : dh + 1, 1 : d + 1]
    q, k, v, o = (
        amplitude * np.sin(1.1 * t + 0.7 * h + 0.61 * r * a + 1.9 * r + 2.3 * a + 0.37 * (depth_of_layer + 1) * t) for t in (1, 2, 3, 4)
    )
    return q, k, v, o.transpose(0, 2, 1)


def sine_layers(layers, heads=2, dh=2, d=3, spacing=1.0):
    return [np.stack(part) for part in zip(*(sine_heads(heads, dh, d, spacing * layer) for layer in range(layers)))]


def uniform(seed, count):
    z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * 2.0**-53


def study_network():
    w = 2 * uniform(1, 4 * 32 * 8).reshape(4, 32, 2, 4) - 1
    q, k, v, e = w
    x = 2 * uniform(2, 32).reshape(8, 4) - 1
    y = 0.8 * np.roll(x, 1, axis=1) + 0.5 * np.sin(2 * x) - 0.5 * x.mean(0)
    return (q, k, v, (0.5 * v + e).transpose(0, 2, 1)), x, y


def plain_attention(x, q, k, v, o, causal):
    total = np.zeros_like(x)
    for h in range(len(q)):
        scores = (x @ q[h].T) @ (x @ k[h].T).T / np.sqrt(q.shape[1])
        if causal:
            scores[np.triu_indices(len(x), 1)] = -np.inf
        w = np.exp(scores - scores.max(1, keepdims=True))
        total += w / w.sum(1, keepdims=True) @ (x @ v[h].T) @ o[h].T
    return total / len(q)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_its_formula(causal):
    x, heads = sine_tokens(4, 3), sine_heads(2, 2, 3, 0)
    out = depth.attention(x, *heads, causal=causal)
    np.testing.assert_allclose(out, plain_attention(x, *heads, causal), atol=1e-15)
    known = [0.188611310678368, -0.187140049762658, 0.166867018860706] if causal else [0.00440423515949, -0.000980981631644, -0.004004393333957]
    np.testing.assert_allclose(out[0], known, atol=1e-14)


def test_network_has_the_figures_of_an_independent_program():
    x, y, heads = sine_tokens(4, 3), cosine_targets(4, 3), sine_layers(3)
    out = depth.Network(*heads).gradient(x, y)
    assert out["loss"] == pytest.approx(1.982351965795972, abs=1e-14)
    assert np.sum(out["p0"] ** 2) == pytest.approx(1.048699983381498, abs=1e-13)
    np.testing.assert_allclose(out["p0"][0], [-0.054553552877208, -0.045957461985669, 0.311567793816476], atol=1e-14)
    assert out["dq"][0, 0, 0, 0] == pytest.approx(6.777710049164084e-3, abs=1e-16)
    norms = [np.linalg.norm(out[name][2]) for name in ("dq", "dk", "dv", "do")]
    np.testing.assert_allclose(norms, [9.222437436021e-3, 3.190116053313e-2, 3.072517992983e-2, 2.675371182721e-2], atol=1e-14)
    causal = depth.Network(*heads, causal=True)
    assert causal.loss(x, y) == pytest.approx(1.952847182364130, abs=1e-14)


@pytest.mark.parametrize("memory", ["stored", "checkpoints", "inverse"])
def test_gradients_are_differences_of_the_loss(memory):
    x, y, heads = np.stack([sine_tokens(4, 3), cosine_targets(4, 3)]), np.zeros((2, 4, 3)), sine_layers(5)
    out = depth.Network(*heads, memory=memory).gradient(x, y)
    h = 1e-6
    for n, (name, part) in enumerate(zip(("dq", "dk", "dv", "do"), heads)):
        index = (3, 1, *(s - 1 for s in part.shape[2:]))
        moved = []
        for step in (h, -h):
            other = [p.copy() for p in heads]
            other[n][index] += step
            moved.append(depth.Network(*other).loss(x, y))
        assert out[name][index] == pytest.approx((moved[0] - moved[1]) / (2 * h), abs=1e-9)
    up, down = (depth.Network(*heads).loss(x + s * h * (np.arange(24).reshape(x.shape) == 17), y) for s in (1, -1))
    assert out["p0"].flat[17] == pytest.approx((up - down) / (2 * h), abs=1e-9)


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_networks_may_read_normalised_tokens(norm):
    x, heads = sine_tokens(4, 3), sine_layers(1)
    centred = x - x.mean(1, keepdims=True) if norm == "layer" else x
    read = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    out = depth.Network(*heads, norm=norm).forward(x)
    np.testing.assert_allclose(out, x + plain_attention(read, *(part[0] for part in heads), False), atol=1e-14)
    deep = depth.Network(*sine_layers(400, spacing=1 / 400), norm=norm).forward(x)
    limit = depth.limit(lambda s: sine_heads(2, 2, 3, s), x, norm=norm)["x1"]
    np.testing.assert_allclose(deep, limit, atol=3e-3)


def coupled(theta):
    c = np.cos(theta[0] * theta[1])
    return np.array([theta[0] + c * theta[1], 4 * theta[1] + c * theta[0], 0.01 * theta[2], *(0.3 * theta[3:])])


def test_adamw_has_the_figures_of_an_independent_program():
    rows = depth.adamw([1, -0.5, 0.25], coupled, 10, 0.05, 0.9, 0.95, 1e-8, 0.1)
    assert rows.shape == (10, 3)
    np.testing.assert_allclose(rows[0], [0.945000000890934, -0.447500000445467, 0.198750199999200], atol=1e-14)
    np.testing.assert_allclose(rows[9], [0.465111142358837, -0.063515702284157, -0.104763495829713], atol=1e-14)
    plain = depth.adamw([1, -0.5, 0.25], coupled, 1, 0.05, 0.9, 0.95, 1e-8, 0.1, bias_correction=False)
    np.testing.assert_allclose(plain[0], [0.972639322006870, -0.475139321115936, 0.226389720217847], atol=1e-14)
    block = depth.adamw([1, -0.5, 0.25, 2], coupled, 10, 0.05, 0.9, 0.95, 1e-2, 0.1, second_moment="block_sum")
    np.testing.assert_allclose(block[9], [0.70917741514554, -0.17071102267013, 0.23672273714215, 1.65702627903321], atol=1e-14)
    mean = depth.adamw([1, -0.5, 0.25, 2], coupled, 10, 0.05, 0.9, 0.95, 1e-2, 0.1, second_moment="block_mean")
    np.testing.assert_allclose(mean[9], [0.42896070736953, -0.05819849210176, 0.23549618631032, 1.39094537602777], atol=1e-14)


def test_the_limit_has_the_figures_of_an_independent_program():
    x, y = sine_tokens(6, 4), cosine_targets(6, 4)
    out = depth.limit(lambda s: sine_heads(3, 2, 4, 4 * s), x, y)
    np.testing.assert_allclose(out["x1"][0], [0.7113239511356, 0.2707819338005, 0.9473403922255, -0.9276995055279], atol=1e-13)
    assert np.sum(out["x1"] ** 2) == pytest.approx(15.1575452134444, abs=1e-12)
    assert np.sum(out["p0"] ** 2) == pytest.approx(1.2932777218358, abs=1e-12)
    causal = depth.limit(lambda s: sine_heads(3, 2, 4, 4 * s), x, causal=True)
    assert np.sum(causal["x1"] ** 2) == pytest.approx(12.8506062133718, abs=1e-12)
    assert causal["p0"] is None
    atoms, x, y = study_network()
    assert depth.limit(atoms, x, y)["loss"] == pytest.approx(0.4800601762, abs=5e-11)
    square = np.stack([sine_heads(3, 2, 2, 0)[n] for n in range(4)])  # where heads are as wide as tokens, one array will do
    np.testing.assert_array_equal(depth.limit(square, x[:, :2])["x1"], depth.limit(tuple(square), x[:, :2])["x1"])


def test_training_has_the_figures_of_an_independent_program():
    atoms, x, y = study_network()
    out = depth.train(atoms, x, y, 8, None, 50, stratified=True)
    np.testing.assert_allclose(
        out["losses"][[0, 1, 10, 50]], [0.4767136984612, 0.4545033425462, 0.3323542269021, 0.0340186816469], atol=1e-12
    )
    network = depth.Network(*(out[name] for name in "qkvo"))
    np.testing.assert_allclose(network.forward(x), out["x1"], atol=1e-14)
    np.testing.assert_allclose(8 * network.gradient(x, y)["p0"], out["p1"], atol=1e-13)
    drawn = depth.train(atoms, x, y, 4, 2, 3, {"lr": 0.01, "second_moment": "block_sum"}, seed=5)
    again = depth.train(atoms, x, y, 4, 2, 3, {"lr": 0.01, "second_moment": "block_sum"}, seed=5)
    assert drawn["q"].shape == (4, 2, 2, 4) and drawn["o"].shape == (4, 2, 4, 2)
    np.testing.assert_array_equal(drawn["losses"], again["losses"])
    assert drawn["losses"][3] < drawn["losses"][0]


def test_raw_and_mean_field_epsilons_convert():
    atoms, x, y = study_network()
    mean = depth.train(atoms, x, y, 16, 4, 10, {"epsilon": 1e-3}, seed=1)["losses"]
    raw = depth.train(atoms, x, y, 16, 4, 10, {"epsilon": 1e-3 / 64, "epsilon_units": "raw"}, seed=1)["losses"]
    np.testing.assert_array_equal(mean, raw)


def test_rate_constants_are_predicted():
    atoms, x, _ = study_network()
    assert depth.rate_constants(atoms, x)["b"] == pytest.approx(0.31467, abs=5e-6)


def test_the_joint_table_has_laws_with_intervals():
    atoms, x, y = study_network()
    out = depth.joint_table(atoms, x, y, layers=(4, 16), heads=(1, 4), steps=(0, 5), replicas=32)
    assert out["hidden"].shape == (2, 2, 2, 4) and out["hidden_law"]["layers"].shape == (2, 4)
    assert (np.diff(out["hidden"][..., 0], axis=1) < 0).all() and (np.diff(out["hidden"][..., 0], axis=2) < 0).all()
    value, error, lower, upper = out["hidden_law"]["heads"][0]
    assert lower < value < upper and abs(value + 1) < 4 * error + 0.1


def test_tokens_cluster():
    states = depth.cluster(np.eye(2), 1.0, [1, 2, 4, 8])
    assert states.shape == (4, 2, 2)
    np.testing.assert_allclose((states[:, 0] * states[:, 1]).sum(-1), [0.57919534, 0.91400676, 0.99828156, 0.99999942], atol=5e-9)


def test_slips_are_named():
    x, y, heads = sine_tokens(4, 3), cosine_targets(4, 3), sine_layers(3)
    with pytest.raises(ValueError, match=r"o: shape \(3, 2, 2, 3\); expected \(3, 2, 3, 2\)"):
        depth.Network(*heads[:3], heads[2])
    with pytest.raises(ValueError, match=r"x: shape \(4, 4\)"):
        depth.Network(*heads).forward(sine_tokens(4, 4))
    with pytest.raises(ValueError, match="at least one layer"):
        depth.Network(*(part[:0] for part in heads))
    with pytest.raises(ValueError, match="did you mean 'inverse'"):
        depth.Network(*heads, memory="invers").gradient(x, y)
    with pytest.raises(ValueError, match="unknown norm 'layr'; did you mean 'layer'"):
        depth.Network(*heads, norm="layr").forward(x)
    with pytest.raises(ValueError, match="x: .*expected finite"):
        depth.Network(*heads).loss(np.full((4, 3), np.nan), y)
    with pytest.raises(ValueError, match="did you mean 'block_sum'"):
        depth.adamw([1.0], coupled, 1, 0.1, second_moment="block_su")
    with pytest.raises(ValueError, match="epsilon = 0"):
        depth.adamw([1.0, 2.0, 3.0], coupled, 1, 0.1, epsilon=0)
    with pytest.raises(ValueError, match="2 numbers for 3 parameters"):
        depth.adamw([1.0, 2.0, 3.0], lambda theta: theta[:2], 1, 0.1)
    atoms, x, y = study_network()
    with pytest.raises(ValueError, match="optimiser: unknown 'rate'"):
        depth.train(atoms, x, y, 2, 2, 1, {"rate": 1})
    with pytest.raises(ValueError, match="heads: 0; expected at least 1"):
        depth.train(atoms, x, y, 2, 0, 1)
    with pytest.raises(ValueError, match="all 32 atoms"):
        depth.train(atoms, x, y, 2, 4, 1, stratified=True)
    with pytest.raises(ArithmeticError, match="at step 1 the gradient of layer 0, head 0"):
        depth.train([1e200 * part for part in atoms], x, y, 2, 2, 1)
    with pytest.raises(RuntimeError, match="of mine"):
        depth.limit(lambda s: sine_heads(2, 2, 4, s) if s == 0 else (_ for _ in ()).throw(RuntimeError("of mine")), x)
    with pytest.raises(ValueError, match="token 0 has length 0"):
        depth.cluster(np.zeros((2, 2)), 1.0, [1])


def test_diagnoses_of_one_network_are_its_merged_layers_and_its_halves():
    rng = np.random.default_rng(3)
    q, k, v = (rng.normal(size=(4, 6, 2, 3)) for _ in range(3))
    o, x = rng.normal(size=(4, 6, 3, 2)), rng.normal(size=(2, 5, 3))
    found = starling.depth.Network(q, k, v, o).diagnose(x)
    whole = starling.depth.Network(q, k, v, o).forward(x)
    merged = starling.depth.Network(*(m.reshape(2, 12, *m.shape[2:]) for m in (q, k, v, o))).forward(x)
    halves = [starling.depth.Network(*(m[:, part] for m in (q, k, v, o))).forward(x) for part in (slice(0, 3), slice(3, 6))]
    assert found["euler"] == pytest.approx(((merged - whole) ** 2).sum(-1).mean(), rel=1e-9)
    assert found["fluctuation"] == pytest.approx(((halves[0] - halves[1]) ** 2).sum(-1).mean() / 4, rel=1e-9)
    assert found["twice_the_layers"] == pytest.approx(found["euler"] / 4 + found["fluctuation"] / 2)
    seeds = [starling.depth.Network(q, k, v + i, o) for i in range(3)]
    ends = np.stack([one.forward(x) for one in seeds])
    variance = ends.var(0, ddof=1).sum(-1).mean()
    assert seeds[0].diagnose(x, seeds[1:])["fluctuation"] == pytest.approx(variance, rel=1e-9)
    with pytest.raises(ValueError, match="expected .*alike"):
        seeds[0].diagnose(x, [starling.depth.Network(q[:2], k[:2], v[:2], o[:2])])
    with pytest.raises(ValueError, match="multiple"):
        starling.depth.Network(q[:3], k[:3], v[:3], o[:3]).diagnose(x)
    with pytest.raises(ValueError, match="residual_exponent"):
        starling.depth.Network(q, k, v, o, residual_exponent=0.5).diagnose(x)


def test_a_language_model_writes_text(tmp_path):
    (tmp_path / "text.txt").write_text("round and round the rugged rock the ragged rascal ran\n" * 40)
    spec = {
        "system": "depth", "job": "train", "data": {"path": str(tmp_path / "text.txt")},
        "network": {"context": 16, "layers": 1, "heads": 2, "width": 16}, "train": {"steps": 20, "batch": 4},
    }
    run = starling.run(spec, out=tmp_path / "run")
    text = run.sample(25, prompt="round", seed=3)
    assert isinstance(text, str) and text.startswith("round") and len(text) == 30
    assert text == run.sample(25, prompt="round", seed=3) != run.sample(25, prompt="round", seed=4)
    likeliest = run.sample(25, prompt="round", temperature=0)
    assert likeliest == run.sample(25, prompt="round", temperature=3.0, top_k=1)
    with pytest.raises(ValueError, match="guidance"):
        run.sample(5, guidance=2.0)
    with pytest.raises(ValueError, match="character"):
        run.sample(5, prompt="Q")


def test_a_network_on_the_sphere_keeps_its_tokens_there_and_follows_clusters():
    x = np.random.default_rng(5).normal(size=(6, 3))
    layers, beta = 400, 3.0
    one = np.broadcast_to(np.eye(3), (layers, 1, 3, 3))
    network = depth.Network(beta * np.sqrt(3) * one, one, one, one, sphere=True)
    out = network.forward(x)
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(out, depth.cluster(x, beta, [1.0])[0], atol=5e-3)
    step = 1e-6
    slope = [(network.loss(x + step * e, x) - network.loss(x - step * e, x)) / (2 * step) for e in np.eye(18).reshape(18, 6, 3)]
    np.testing.assert_allclose(network.gradient(x, x)["p0"].ravel(), slope, atol=1e-9)
    with pytest.raises(ValueError, match="sphere"):
        depth.Network(one, one, one, one, sphere=True, memory="inverse").gradient(x, x)
