"""Programs of PyTorch's modules: outputs and gradients are those of the modules themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cellprop
from cellprop.errors import CellpropError
from cellprop.programs.fitted import from_torch

torch = pytest.importorskip("torch")
nn = torch.nn

RELATIVE = 1e-12
SEEDS = pytest.mark.parametrize("seed", range(4))


class Sizes:
    """Sizes that a seed draws, and the numbers of data."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        torch.manual_seed(seed)

    def __call__(self, least: int, most: int) -> int:
        return int(self.draw.integers(least, most + 1))

    def chance(self) -> bool:
        return bool(self.draw.integers(2))

    def data(self, *shape: int) -> np.ndarray:
        return self.draw.normal(size=shape)


# --- Their parameters under our names, from what PyTorch documents -------------------------

OF_RNN = {
    "W_ih": "weight_ih_l0",
    "W_hh": "weight_hh_l0",
    "b_ih": "bias_ih_l0",
    "b_hh": "bias_hh_l0",
}
OF_OTHERS = {
    "Linear": {"W": "weight", "b": "bias"},
    "LayerNorm": {"gamma": "weight", "beta": "bias"},
    "BatchNorm1d": {"gamma": "weight", "beta": "bias"},
    **dict.fromkeys(("RNN", "LSTM", "GRU"), OF_RNN),
}
Taken = Callable[[Any], np.ndarray]


def parameters_of(model: Any, take: Taken) -> Iterator[tuple[str, np.ndarray]]:
    """Our name of each parameter, and what is taken of PyTorch's, in our layout."""
    modules = list(model) if isinstance(model, nn.Sequential) else [model]
    for number, module in enumerate(modules):
        place = f"_{number}" if isinstance(model, nn.Sequential) else ""
        kind = type(module).__name__
        for ours, theirs in OF_OTHERS.get(kind, {}).items():
            tensor = getattr(module, theirs, None)
            if tensor is not None:
                yield f"{ours}{place}", np.atleast_2d(take(tensor).T)
        if kind == "Embedding":
            yield f"E{place}", take(module.weight)
        if kind.startswith("Conv"):
            weights = take(module.weight)
            for k, c in np.ndindex(weights.shape[:2]):
                which = f"_{k + 1}" + (f"_{c + 1}" if weights.shape[1] > 1 else "")
                yield f"K{place}{which}", np.atleast_2d(weights[k, c])
            if module.bias is not None:
                yield f"b{place}", take(module.bias)[np.newaxis]
        if kind == "MultiheadAttention":
            yield from of_attention(module, place, take)


def of_attention(module: Any, place: str, take: Taken) -> Iterator[tuple[str, np.ndarray]]:
    count, size = module.num_heads, module.head_dim
    shape = (3, count, size)
    into = take(module.in_proj_weight).reshape(*shape, -1)
    out = take(module.out_proj.weight).reshape(-1, count, size)
    has_bias = module.in_proj_bias is not None
    for n in range(count):
        which = f"{place}_{n + 1}" if count > 1 else place
        for k, what in enumerate("qkv"):
            yield f"W_{what}{which}", into[k, n].T
            if has_bias:
                biases = take(module.in_proj_bias).reshape(shape)
                yield f"b_{what}{which}", biases[k, n][np.newaxis]
        yield f"W_o{which}", out[:, n].T
    if has_bias:
        yield f"b_o{place}", take(module.out_proj.bias)[np.newaxis]


# --- Compared -----------------------------------------------------------------------------


def close(found: np.ndarray, wanted: np.ndarray, least: float = 0.0) -> bool:
    scale = max(np.abs(wanted).max(), least)
    return found.shape == wanted.shape and np.abs(found - wanted).max() <= RELATIVE * scale


def compare(
    model: Any, X: Any, outputs: list[Any], sizes: Sizes, loss: str | None = None, **told: Any
) -> cellprop.Trace:
    """Assert that a model's program has its outputs, its loss and all gradients.

    `outputs`: what PyTorch computes, a matrix for each output of the program.
    """
    program, parameters = from_torch(model, loss=loss, **told)
    if loss == "cross_entropy":
        wanted = [np.eye(o.shape[1])[sizes.draw.integers(o.shape[1], size=len(o))] for o in outputs]
        pairs = zip(outputs, map(torch.tensor, wanted), strict=True)
        total = sum(nn.functional.cross_entropy(o, y, reduction="sum") for o, y in pairs)
        outputs = [o.softmax(dim=1) for o in outputs]
    else:
        wanted = [sizes.data(*output.shape) for output in outputs]
        pairs = zip(outputs, map(torch.tensor, wanted), strict=True)
        total = sum(nn.functional.mse_loss(o, y, reduction="sum") / 2 for o, y in pairs)
    names = [""] if len(outputs) == 1 else [f"_{k}" for k in range(1, len(outputs) + 1)]
    y = {f"y{name}": each for name, each in zip(names, wanted, strict=True)}
    run = cellprop.trace(program, X, y, parameters=parameters, epochs=0)

    for name, output in zip(names, outputs, strict=True):
        assert close(run[f"output{name}"].to_numpy(), output.detach().numpy()), name
    model.zero_grad()
    total.backward()
    found = dict(parameters_of(model, lambda tensor: tensor.grad.numpy()))
    assert set(found) == set(parameters)
    own = dict(parameters_of(model, lambda tensor: tensor.detach().numpy()))
    largest = max(np.abs(gradient).max() for gradient in found.values())
    for name, gradient in found.items():
        assert (parameters[name] == own[name]).all(), name
        # What is 0 but for rounding, as the gradient of what a softmax ignores, has no scale.
        assert close(run[f"d_{name}"].to_numpy(), gradient, least=1e-2 * largest), name
    return run


def by_time(data: np.ndarray) -> dict[str, np.ndarray]:
    """An array of shape (batch, time, features), as docs/networks.md hands it over."""
    return {f"x_{t + 1}": data[:, t] for t in range(data.shape[1])}


def by_channel(data: np.ndarray) -> Any:
    """An array of channels, of one image or of signals."""
    return data[0] if len(data) == 1 else {f"x_{c + 1}": each for c, each in enumerate(data)}


def recurrent(sizes: Sizes, kind: str, inputs: int, hidden: int) -> Any:
    more = {"nonlinearity": ("tanh", "relu")[sizes(0, 1)]} if kind == "RNN" else {}
    return getattr(nn, kind)(inputs, hidden, bias=sizes.chance(), batch_first=True, **more).double()


KINDS = pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])

# --- Recurrent ----------------------------------------------------------------------------


@KINDS
@SEEDS
def test_a_recurrent_module_alone_hands_on_its_last_state(kind, seed):
    sizes = Sizes(seed)
    n, steps, inputs, hidden = sizes(1, 4), sizes(2, 4), sizes(1, 3), sizes(1, 3)
    model, X = recurrent(sizes, kind, inputs, hidden), sizes.data(n, steps, inputs)
    states, _ = model(torch.tensor(X))
    compare(model, by_time(X), [states[:, -1]], sizes, steps=steps)


@KINDS
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_layers_follow_the_last_state(kind, loss):
    sizes = Sizes(7)
    model = nn.Sequential(
        nn.Linear(2, 3), nn.Tanh(), recurrent(sizes, kind, 3, 2), nn.Dropout(0.5),
        nn.LayerNorm(2), nn.Linear(2, 3),
    ).double().eval()  # fmt: skip
    X = sizes.data(4, 3, 2)
    states, _ = model[2](model[:2](torch.tensor(X)))
    compare(model, by_time(X), [model[3:](states[:, -1])], sizes, loss, steps=3)


@KINDS
def test_each_time_step_may_be_compared(kind):
    sizes = Sizes(8)
    model = nn.Sequential(
        recurrent(sizes, kind, 2, 3), nn.Linear(3, 2), nn.Softmax(dim=-1)
    ).double()
    X = sizes.data(3, 3, 2)
    outputs = model[1](model[0](torch.tensor(X))[0])
    told = {"steps": 3, "each_step": True, "loss": "cross_entropy"}
    compare(model, by_time(X), list(outputs.unbind(dim=1)), sizes, **told)


@KINDS
def test_one_after_another_reads_all_states_and_flatten_keeps_them(kind):
    sizes = Sizes(9)
    model = nn.Sequential(
        recurrent(sizes, kind, 2, 3), recurrent(sizes, "LSTM", 3, 2), nn.Flatten(), nn.Linear(6, 2)
    ).double()
    X = sizes.data(3, 3, 2)
    states, _ = model[1](model[0](torch.tensor(X))[0])
    compare(model, by_time(X), [model[2:](states)], sizes, steps=3)


# --- Windows ------------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_an_image_goes_through_windows_to_classes_or_numbers(seed, loss):
    sizes = Sizes(seed)
    channels, kernels, pool = sizes(1, 2), sizes(1, 3), ("MaxPool2d", "AvgPool2d")[seed % 2]
    kernel, pad = (sizes(2, 3), sizes(1, 3)), (sizes(0, 1), 0)
    told = {"stride": (1, sizes(1, 2)), "padding": pad, "bias": sizes.chance()}
    model = [
        nn.Conv2d(channels, kernels, kernel, **told),
        nn.Tanh(),
        getattr(nn, pool)(2),
        nn.Flatten(),
    ]
    X = sizes.data(channels, 6, 7)
    count = nn.Sequential(*model)(torch.tensor(X[np.newaxis], dtype=torch.float32)).shape[1]
    model = nn.Sequential(*model, nn.Linear(count, 3)).double()
    output = model(torch.tensor(X[np.newaxis]))
    compare(model, by_channel(X), [output], sizes, loss, shape=(channels, 6, 7))


@pytest.mark.parametrize("padding", ["same", "valid", 1])
def test_a_convolution_alone_hands_on_an_image_for_each_kernel(padding):
    sizes = Sizes(3)
    model, X = nn.Conv2d(2, 2, 3, padding=padding).double(), sizes.data(2, 4, 5)
    (output,) = model(torch.tensor(X[np.newaxis]))
    compare(model, by_channel(X), list(output), sizes, shape=(4, 5))


@SEEDS
@pytest.mark.parametrize("pool", ["MaxPool1d", "AvgPool1d"])
def test_signals_stand_in_rows_as_many_as_there_are(seed, pool):
    sizes = Sizes(seed)
    channels, kernels, n, pad = sizes(1, 2), sizes(1, 2), sizes(1, 3), sizes(0, 1)
    model = [
        nn.Conv1d(channels, kernels, sizes(2, 3), stride=sizes(1, 2), padding=pad), nn.Sigmoid(),
        getattr(nn, pool)(2, stride=1), nn.Flatten(),
    ]  # fmt: skip
    X = sizes.data(channels, n, 8)
    batch = torch.tensor(X.swapaxes(0, 1))
    count = nn.Sequential(*model).double()(batch).shape[1]
    model = nn.Sequential(*model, nn.Linear(count, 2)).double()
    compare(model, by_channel(X), [model(batch)], sizes, shape=8)


def test_pooling_may_come_first_and_signals_may_be_the_end():
    sizes = Sizes(4)
    model, X = nn.Sequential(nn.MaxPool1d(2), nn.Conv1d(1, 2, 2)).double(), sizes.data(1, 3, 8)
    output = model(torch.tensor(X.swapaxes(0, 1)))
    compare(model, X[0], list(output.swapaxes(0, 1)), sizes, shape=(1, 8))


# --- Norms, words, attention --------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("training", [True, False])
def test_norms_of_samples_go_by_what_is_known_or_at_hand(seed, training):
    sizes = Sizes(seed)
    n, inputs, hidden = sizes(3, 5), sizes(1, 3), sizes(2, 4)
    norm = nn.BatchNorm1d(hidden, affine=sizes.chance(), eps=0.01)
    layer = nn.LayerNorm(hidden, elementwise_affine=sizes.chance(), bias=sizes.chance())
    model = nn.Sequential(nn.Linear(inputs, hidden), norm, nn.ReLU(), layer, nn.Linear(hidden, 2))
    model = model.double()
    for p in (*norm.parameters(), *layer.parameters()):
        p.data.normal_()
    X = sizes.data(n, inputs)
    model(torch.tensor(X))  # which leaves statistics behind
    model.train(training)
    compare(model, X, [model(torch.tensor(X))], sizes, ("cross_entropy", None)[seed % 2])


def test_a_batch_norm_that_keeps_nothing_goes_by_what_is_at_hand():
    sizes = Sizes(2)
    norm = nn.BatchNorm1d(2, track_running_stats=False)
    model, X = nn.Sequential(norm, nn.Linear(2, 1)).double().eval(), sizes.data(4, 2)
    compare(model, X, [model(torch.tensor(X))], sizes)


@SEEDS
def test_words_side_by_side_go_by_their_index_from_0(seed):
    sizes = Sizes(seed)
    words, meaning, steps, n = sizes(2, 5), sizes(1, 3), sizes(1, 3), sizes(1, 4)
    model = nn.Sequential(
        nn.Embedding(words, meaning), nn.Flatten(), nn.Linear(steps * meaning, 2)
    ).double()
    X = sizes.draw.integers(words, size=(n, steps))
    X[0, 0] = 0
    data = {f"x_{t + 1}": X[:, t] for t in range(steps)} if steps > 1 else X[:, 0]
    compare(model, data, [model(torch.tensor(X))], sizes, "cross_entropy", steps=steps)


def test_words_one_after_another_go_through_a_recurrent_network():
    sizes = Sizes(5)
    model = nn.Sequential(nn.Embedding(4, 2), recurrent(sizes, "GRU", 2, 3)).double()
    X = sizes.draw.integers(4, size=(3, 3))
    states, _ = model[1](model[0](torch.tensor(X)))
    compare(model, by_time(X), [states[:, -1]], sizes, steps=3)


def test_a_word_for_each_sample_is_embedded():
    sizes = Sizes(6)
    model, X = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 2)).double(), np.array([3, 0, 1, 3])
    compare(model, X, [model(torch.tensor(X))], sizes)


@pytest.mark.parametrize(("word", "shown"), [(4, "4"), (-1, "-1"), (0.5, "0.5")])
def test_a_word_that_there_is_none_of_is_named(word, shown):
    program, parameters = from_torch(nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 2)))
    said = f"x, row 2: expected a whole number from 0 to 3, found {shown}."
    with pytest.raises(CellpropError) as caught:
        cellprop.trace(program, [3, word], np.ones((2, 2)), parameters=parameters)
    assert str(caught.value) == said
    run = cellprop.trace(program, [3, 0], np.ones((2, 2)), parameters=parameters)
    with pytest.raises(CellpropError) as caught:
        run.predict([3, word])
    assert str(caught.value) == said


@SEEDS
def test_attention_of_a_sequence_with_itself_has_a_matrix_for_each_head(seed):
    sizes = Sizes(seed)
    heads, size, words = sizes(1, 3), sizes(1, 3), sizes(1, 4)
    width = heads * size
    attention = nn.MultiheadAttention(width, heads, bias=sizes.chance(), batch_first=True)
    model = nn.Sequential(nn.LayerNorm(width), attention, nn.Linear(width, 3)).double()
    for p in model.parameters():
        p.data.normal_()
    X = sizes.data(words, width)
    normed = model[0](torch.tensor(X))[np.newaxis]
    (output,) = model[2](attention(normed, normed, normed)[0])
    compare(model, X, [output], sizes, ("cross_entropy", None)[seed % 2])


def test_a_sequence_of_words_may_be_flattened():
    sizes = Sizes(1)
    attention = nn.MultiheadAttention(2, 1, batch_first=True)
    model = nn.Sequential(nn.Embedding(5, 2), attention, nn.Flatten(), nn.Linear(6, 2)).double()
    X = np.array([4, 0, 2])
    embedded = model[0](torch.tensor(X))[np.newaxis]
    output = model[2:](attention(embedded, embedded, embedded)[0])
    compare(model, X, [output], sizes, steps=3)


# --- Examples that ship -------------------------------------------------------------------


def leaves(run: cellprop.Trace) -> dict[str, Any]:
    return {name: torch.tensor(values, requires_grad=True) for name, values in run.start.items()}


@pytest.mark.parametrize("name", ["lstm", "gru", "convolution"])
def test_an_example_learns_as_pytorch_does(name):
    run = cellprop.example(name, epochs=0)
    learnt, given = leaves(run), {n: torch.tensor(values) for n, values in run.values.items()}
    if name == "convolution":
        image, functional = given["image"][None, None], nn.functional
        kernels = torch.stack([learnt["K_a"], learnt["K_b"]])[:, None]
        biases = torch.cat([learnt["b_a"], learnt["b_b"]]).flatten()
        pooled = functional.max_pool2d(functional.conv2d(image, kernels, biases).relu(), 2)
        scores = pooled.flatten(1) @ learnt["W"]
        total = functional.cross_entropy(scores, given["y"], reduction="sum")
    else:
        module = getattr(nn, name.upper())(1, 2, batch_first=True).double()
        own = {
            "weight_ih_l0": learnt["W"].T, "weight_hh_l0": learnt["U"].T,
            "bias_ih_l0": learnt["b"][0], "bias_hh_l0": torch.zeros_like(learnt["b"][0]),
        }  # fmt: skip
        X = torch.stack([given["x_1"], given["x_2"]], dim=1)
        states, _ = torch.func.functional_call(module, own, (X,))
        scores = states[:, -1] @ learnt["W_o"]
        if name == "lstm":
            total = nn.functional.cross_entropy(scores, given["y"], reduction="sum")
        else:
            total = nn.functional.mse_loss(scores, given["y"], reduction="sum") / 2
    total.backward()
    for parameter, tensor in learnt.items():
        assert close(run[f"d_{parameter}"].to_numpy(), tensor.grad.numpy()), parameter


# --- What is made of it -------------------------------------------------------------------

BOOKS = {
    "rnn": (lambda: nn.Sequential(nn.RNN(1, 2), nn.Linear(2, 1)), {"steps": 2}, {}),
    "lstm": (lambda: nn.Sequential(nn.LSTM(1, 2), nn.Linear(2, 1)), {"steps": 2}, {}),
    "gru": (lambda: nn.Sequential(nn.GRU(1, 2), nn.Linear(2, 1)), {"steps": 2}, {}),
    "conv": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                              nn.Linear(8, 2)),
        {"shape": (5, 5), "loss": "cross_entropy"}, {"x": (5, 5)}),
    "conv alone": (lambda: nn.Conv2d(1, 1, 2), {"shape": (3, 3)}, {"x": (3, 3)}),
    "attention": (lambda: nn.MultiheadAttention(4, 2), {}, {"x": (3, 4)}),
    "norms": (lambda: nn.Sequential(nn.LayerNorm(2), nn.BatchNorm1d(2)), {}, {"x": (3, 2)}),
    "words": (
        lambda: nn.Sequential(nn.Embedding(3, 2), nn.Flatten(), nn.Linear(4, 2)), {"steps": 2}, None
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BOOKS)
def test_its_workbook_computes_as_it_does(what, tmp_path):
    make, told, shapes = BOOKS[what]
    sizes = Sizes(3)
    program, parameters = from_torch(make(), **told)
    shapes = shapes or {"x_1": (3, 1), "x_2": (3, 1)}
    X = {name: sizes.data(*shape) for name, shape in shapes.items()}
    if what == "words":
        X = {"x_1": [0, 1, 2], "x_2": [2, 1, 2]}
    rows = {"conv": 1, "conv alone": 2}.get(what, 3)
    columns = {"attention": 4, "rnn": 1, "lstm": 1, "gru": 1}.get(what, 2)
    y = np.eye(rows, columns)
    run = cellprop.trace(program, X, y, parameters=parameters, epochs=2)
    assert run.losses[-1] < run.losses[0]
    found = cellprop.verify(run.to_excel(tmp_path / "model.xlsx"))
    assert found.ok, found.differences[:3]
    assert found.largest_difference <= 1e-12


def test_a_program_says_of_what_it_is_made_and_where_its_steps_come_from():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.GRU(3, 2), nn.Linear(2, 1)))
    program, parameters = from_torch(model, steps=2)
    assert program.about == "A model of PyTorch: Linear, GRU, Linear."
    assert [*parameters] == [
        "W_0",
        "b_0",
        "W_ih_1_0",
        "W_hh_1_0",
        "b_ih_1_0",
        "b_hh_1_0",
        "W_1_1",
        "b_1_1",
    ]
    run = cellprop.trace(program, by_time(np.ones((3, 2, 2))), [1, 2, 3], parameters=parameters)
    assert run.steps[2].title == "model[0] Linear, time 1"
    titles = [step.title for step in run.steps if "model[0]" in step.title]
    assert titles[-1] == "model[0] Linear, time 1, back"
    assert run.predict(by_time(np.ones((5, 2, 2)))).shape == (5, 1)


# --- What can't be carried over -----------------------------------------------------------

Made = Callable[[], Any]
WRONG: dict[str, tuple[Made, dict[str, Any], str]] = {
    "several layers": (
        lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.LSTM(2, 2, num_layers=2)),
        {"steps": 2},
        "from_torch: model[2] (LSTM): num_layers=2 can't be carried over; use num_layers=1, one"
        " layer after another.",
    ),
    "two directions": (
        lambda: nn.GRU(2, 2, bidirectional=True),
        {"steps": 2},
        "from_torch: model (GRU): bidirectional=True can't be carried over; use"
        " bidirectional=False.",
    ),
    "a projection": (
        lambda: nn.LSTM(2, 3, proj_size=2),
        {"steps": 2},
        "from_torch: model (LSTM): proj_size=2 can't be carried over; use proj_size=0.",
    ),
    "no time steps": (
        lambda: nn.Sequential(nn.RNN(2, 2)),
        {},
        "from_torch: model[0] (RNN) goes from one time step to the next: say how many there are, as"
        " in steps=3.",
    ),
    "time steps that are none": (
        lambda: nn.RNN(2, 2),
        {"steps": 0},
        "steps: expected a whole number from 1 to 200, found 0.",
    ),
    "no shape": (
        lambda: nn.Conv2d(1, 1, 2),
        {},
        "from_torch: model (Conv2d) takes an image: say how high and wide it is, as in shape=(6,"
        " 6).",
    ),
    "no length": (
        lambda: nn.Conv1d(1, 1, 2),
        {},
        "from_torch: model (Conv1d) takes signals: say how long they are, as in shape=8.",
    ),
    "a shape that is none": (
        lambda: nn.Conv2d(1, 1, 2),
        {"shape": 6},
        "shape: expected rows and columns, as in shape=(6, 6), with the number of channels before,"
        " if any; found 6.",
    ),
    "other channels": (
        lambda: nn.Conv2d(2, 1, 2),
        {"shape": (3, 6, 6)},
        "shape: expected 2 channels, as the model has, found 3.",
    ),
    "a shape of samples": (
        lambda: nn.LayerNorm(2),
        {"shape": 2},
        "shape: the model takes samples in rows, which have none; leave it out.",
    ),
    "time steps of a plain network": (
        lambda: nn.Sequential(nn.Linear(2, 1)),
        {"steps": 2},
        "steps: the model takes samples in rows, which have none; leave it out.",
    ),
    "each step of one sequence": (
        lambda: nn.MultiheadAttention(2, 1),
        {"each_step": True},
        "each_step: the model takes one sequence of words, which have none; leave it out.",
    ),
    "groups": (
        lambda: nn.Conv2d(2, 2, 2, groups=2),
        {"shape": (4, 4)},
        "from_torch: model (Conv2d): groups=2 can't be carried over; use groups=1.",
    ),
    "dilation": (
        lambda: nn.Conv1d(1, 1, 2, dilation=2),
        {"shape": 4},
        "from_torch: model (Conv1d): dilation=(2,) can't be carried over; use dilation=(1,).",
    ),
    "another padding": (
        lambda: nn.Conv2d(1, 1, 2, padding_mode="circular"),
        {"shape": (4, 4)},
        "from_torch: model (Conv2d): padding_mode='circular' can't be carried over; use"
        " padding_mode='zeros'.",
    ),
    "more padding than kernel": (
        lambda: nn.Conv2d(1, 1, 2, padding=2),
        {"shape": (4, 4)},
        "from_torch: model (Conv2d): padding=(2, 2) can't be carried over; use less than the"
        " kernel's size.",
    ),
    "padding of an even kernel": (
        lambda: nn.Conv2d(1, 1, 2, padding="same"),
        {"shape": (4, 4)},
        "from_torch: model (Conv2d): padding='same' of an even kernel can't be carried over; use a"
        " number.",
    ),
    "a kernel larger than the image": (
        lambda: nn.Conv2d(1, 1, 5),
        {"shape": (4, 8)},
        "from_torch: model (Conv2d) has a window of 5 × 5, more than the 4 × 8 that it is handed;"
        " give a larger shape.",
    ),
    "padded pooling": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2, padding=1)),
        {"shape": (4, 4)},
        "from_torch: model[1] (MaxPool2d): padding=1 can't be carried over; use padding=0.",
    ),
    "pooling rounded up": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 1), nn.AvgPool2d(2, ceil_mode=True)),
        {"shape": (4, 4)},
        "from_torch: model[1] (AvgPool2d): ceil_mode=True can't be carried over; use"
        " ceil_mode=False.",
    ),
    "a layer on an image": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 2), nn.Linear(3, 2)),
        {"shape": (4, 4)},
        "from_torch: model[1] (Linear) takes samples in rows or one sequence of words or time"
        " steps, and is handed an image; put Flatten before it.",
    ),
    "recurrent after flat": (
        lambda: nn.Sequential(nn.LSTM(2, 2, batch_first=True), nn.Flatten(), nn.GRU(4, 2)),
        {"steps": 2},
        "from_torch: model[2] (GRU) takes time steps, and is handed samples in rows; put it before"
        " Flatten.",
    ),
    "attention over time steps": (
        lambda: nn.Sequential(nn.LSTM(2, 2), nn.MultiheadAttention(2, 1)),
        {"steps": 2},
        "from_torch: model[1] (MultiheadAttention) takes one sequence of words, and is handed"
        " samples in rows; give it a model of its own.",
    ),
    "samples second": (
        lambda: nn.Sequential(nn.LSTM(2, 2), nn.Flatten(), nn.Linear(4, 1)),
        {"steps": 2},
        "from_torch: model[1] (Flatten): what model[0] (LSTM) has samples second can't be carried"
        " over; use batch_first=True.",
    ),
    "flattened from elsewhere": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 2), nn.Flatten(2)),
        {"shape": (4, 4)},
        "from_torch: model[1] (Flatten): start_dim=2, end_dim=-1 can't be carried over; use"
        " Flatten(), which leaves samples apart.",
    ),
    "flattened words of unknown number": (
        lambda: nn.Sequential(nn.MultiheadAttention(2, 1, batch_first=True), nn.Flatten()),
        {},
        "from_torch: model[1] (Flatten) flattens one sequence: say how many words it has, as in"
        " steps=4.",
    ),
    "a layer that does not fit": (
        lambda: nn.Sequential(nn.LSTM(2, 3), nn.Linear(4, 2)),
        {"steps": 2},
        "from_torch: model[1] (Linear) expects 4 inputs, but is handed 3.",
    ),
    "a norm of several sides": (
        lambda: nn.LayerNorm((2, 3)),
        {},
        "from_torch: model (LayerNorm): normalized_shape=(2, 3) can't be carried over; use"
        " normalized_shape=3.",
    ),
    "a batch of one image": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 2), nn.Flatten(), nn.BatchNorm1d(9)),
        {"shape": (4, 4)},
        "from_torch: model[2] (BatchNorm1d): what is normalised over one sample can't be carried"
        " over; call model.eval() first.",
    ),
    "dropout": (
        lambda: nn.Sequential(nn.LSTM(2, 2), nn.Dropout()),
        {"steps": 2},
        "from_torch: model[1] (Dropout) can't be carried over; call model.eval() first, which"
        " switches it off.",
    ),
    "dropout of attention": (
        lambda: nn.MultiheadAttention(2, 1, dropout=0.5),
        {},
        "from_torch: model (MultiheadAttention): dropout=0.5 can't be carried over; call"
        " model.eval() first.",
    ),
    "other keys": (
        lambda: nn.MultiheadAttention(2, 1, kdim=3),
        {},
        "from_torch: model (MultiheadAttention): kdim=3 can't be carried over; use kdim=2.",
    ),
    "a bias of keys": (
        lambda: nn.MultiheadAttention(2, 1, add_bias_kv=True),
        {},
        "from_torch: model (MultiheadAttention): add_bias_kv=True can't be carried over; use"
        " add_bias_kv=False.",
    ),
    "a word that is left out": (
        lambda: nn.Embedding(3, 2, padding_idx=0),
        {},
        "from_torch: model (Embedding): padding_idx=0 can't be carried over; use padding_idx=None.",
    ),
    "a softmax over time": (
        lambda: nn.Sequential(nn.RNN(2, 2), nn.Softmax(dim=1)),
        {"steps": 2, "each_step": True},
        "from_torch: model[1] (Softmax): dim=1 can't be carried over; use dim=2.",
    ),
    "another module": (
        lambda: nn.Sequential(nn.LSTM(2, 2), nn.Mish()),
        {"steps": 2},
        "from_torch: model[1] (Mish) can't be carried over; use RNN, LSTM, GRU, Conv1d, MaxPool1d,"
        " AvgPool1d, Conv2d, MaxPool2d, AvgPool2d, MultiheadAttention, LayerNorm, BatchNorm1d,"
        " Embedding, Linear, Flatten and Sigmoid, Tanh, ReLU, LeakyReLU, Softplus, ELU, SiLU, GELU,"
        " Softmax.",
    ),
    "shared weights": (
        lambda: nn.Sequential(*[nn.LSTM(2, 2)] * 2),
        {"steps": 2},
        "from_torch: model[1] (LSTM) has the weights of model[0], which would be trained apart;"
        " give it a copy of them.",
    ),
    "no numbers": (
        lambda: nn.Sequential(nn.LSTM(2, 2), nn.LazyLinear(1)),
        {"steps": 2},
        "from_torch: model[1] (LazyLinear) has no numbers yet; call the model on some data first.",
    ),
    "nothing learnt": (
        lambda: nn.MaxPool2d(2),
        {"shape": (4, 4)},
        "from_torch: nothing in the model is learnt; add a Linear.",
    ),
    "an unknown loss": (
        lambda: nn.LayerNorm(2),
        {"loss": "hinge"},
        "loss: expected one of squared_error, binary_cross_entropy, cross_entropy.",
    ),
    "a loss that does not go with the output": (
        lambda: nn.Sequential(nn.LayerNorm(2), nn.Tanh()),
        {"loss": "cross_entropy"},
        "loss: cross_entropy goes with softmax at the output, not with tanh.",
    ),
    "classes of an image": (
        lambda: nn.Conv2d(1, 1, 2),
        {"shape": (4, 4), "loss": "cross_entropy"},
        "loss: cross_entropy takes classes in a row; put Flatten at the end of the model.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_carried_over_is_one_line_with_its_place_and_a_way_out(what):
    make, told, said = WRONG[what]
    with pytest.raises(CellpropError) as caught:
        from_torch(make(), **told)
    assert str(caught.value) == said


def test_a_hook_within_a_module_is_named():
    model = nn.MultiheadAttention(2, 1)
    model.out_proj.register_forward_hook(lambda *_: None)
    with pytest.raises(
        CellpropError, match=r"model\.out_proj \(NonDynamically.*\) has a forward hook"
    ):
        from_torch(model)
