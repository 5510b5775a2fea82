"""Matrices from other people's code are right if they are exact, whatever their names and form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
from cellprop.errors import InputError, UnknownNameError
from cellprop.marking.compared import STATES, state
from cellprop.marking.comparison import parse_names
from cellprop.marking.verdicts import FULL, VERDICTS
from cellprop.programs.naming import names_of
from conftest import slow_but
from test_slips import EACH_KIND, KINDS, QUICK, drawn, network
from their_programs import ORDERS, program

# Networks that `programs` trains: by plain gradient descent.
PLAIN = [kind for kind in QUICK if kind not in ("momentum", "adam")] + [
    pytest.param(kind, marks=pytest.mark.slow)
    for kind in KINDS
    if kind not in (*QUICK, "momentum", "adam")
]


@pytest.fixture(scope="module")
def article():
    return cellprop.article()


def trace_of(kind, seed=0, **options):
    sizes, usual = KINDS[kind]
    return network(sizes, **(usual | options), seed=seed)


def states(marks):
    return {each.name: state(each) for each in marks.matrices}


def verdicts(marks, name):
    found = next(matrix for matrix in marks.matrices if matrix.name == name)
    return [[VERDICTS[code] for code in row] for row in found.verdicts.tolist()]


def flat(marks, name):
    return {verdict for row in verdicts(marks, name) for verdict in row}


def every(trace):
    return {m.name: trace.values[m.name] for s in trace.program.steps for m in s.computed}


# --- Exactly ------------------------------------------------------------------------------

BLUNDERS = {
    "half the learning rate": ("wh_new", lambda v: (v["wh"] + v["wh_new"]) / 2),
    "the gradient over 3": ("wh_new", lambda v: v["wh"] + (v["wh_new"] - v["wh"]) / 3),
    "a bias left as it was": ("bh_new", lambda v: v["bh"]),
    "a learning rate of 0.09": ("wh_new", lambda v: v["wh"] + (v["wh_new"] - v["wh"]) * 0.9),
    "weights left as they were": ("wout_new", lambda v: v["wout"]),
    "one weight off by 1e-6": ("wh_new", lambda v: v["wh_new"] + 1e-6 * np.eye(4, 3)),
    "a tenth of a percent": ("d_hiddenlayer", lambda v: v["d_hiddenlayer"] * 1.001),
}


@pytest.mark.parametrize("what", BLUNDERS)
def test_what_three_decimals_hide_is_found(article, what):
    name, blunder = BLUNDERS[what]
    have = every(article) | {name: blunder(article.values)}
    marks = cellprop.compare(article, have)
    assert states(marks)[name] == "wrong"
    assert {n for n, each in states(marks).items() if each == "right"} >= {
        n for n in have if n not in (name, "wh_new", "bh_new")
    }
    assert not marks.ok
    assert cellprop.compare(article, have, decimals=3).ok == (name != "wout_new")


@pytest.mark.parametrize("kind", EACH_KIND)
def test_what_a_trace_has_is_right_exactly(kind):
    trace = trace_of(kind)
    marks = cellprop.compare(trace, dict(trace.values))
    assert set(states(marks).values()) == {"right"}
    assert marks.ok
    assert marks.exact
    assert marks.notes == marks.warnings == ()


@settings(max_examples=40)
@given(drawn(), st.sampled_from(sorted(ORDERS)))
def test_numbers_computed_in_another_order_are_right(trace, order):
    if trace.options["optimizer"] != "sgd":
        return
    matmul, total = ORDERS[order]
    marks = cellprop.compare(trace, program(trace, matmul=matmul, total=total))
    assert {*states(marks).values()} <= {"right"}, marks
    assert marks.ok


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("rate", [0.001, 0.1, 3.0])
def test_a_program_in_32_bits_is_right_and_called_approximate(kind, rate):
    trace = trace_of(kind, learning_rate=rate)
    marks = cellprop.compare(trace, program(trace, np.float32))
    assert set(states(marks).values()) <= {"right", "approximate"}, marks
    assert "approximate" in states(marks).values()
    assert marks.ok


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_program_with_half_the_learning_rate_is_wrong(kind, dtype):
    trace = trace_of(kind)
    marks = cellprop.compare(trace, program(trace, dtype, rate=trace.values["lr"].item() / 2))
    found = states(marks)
    for name in found:
        assert (found[name] == "wrong") == (name.endswith("_new")), marks


def test_32_bit_numbers_kept_as_64_bit_ones_are_approximate(article):
    have = {name: array.astype(float) for name, array in program(article, np.float32).items()}
    assert set(states(cellprop.compare(article, have)).values()) <= {"right", "approximate"}


def test_nan_is_not_a_number_and_none_a_blank(article):
    marks = cellprop.compare(article, {"E": [[0.1], [float("nan")], [None]]})
    assert verdicts(marks, "E")[1:] == [["not a number"], ["blank"]]
    assert marks.cells["answer"].tolist()[1] == "nan"
    marks = cellprop.compare(article, {"E": np.where([[0], [1], [0]], np.inf, article["E"])})
    assert verdicts(marks, "E") == [["right"], ["not a number"], ["right"]]
    assert not marks.ok


def test_numbers_of_any_size_are_compared(article):
    marks = cellprop.compare(article, {"E": [[1e300], [-1e-300], [0.0]]})
    assert states(marks) == {"E": "wrong"}


# --- Names --------------------------------------------------------------------------------


def test_each_match_that_is_not_letter_for_letter_is_shown(article):
    v = article.values
    marks = cellprop.compare(article, {"z1": v["hidden_layer_input"], "E": v["E"], "W1": v["wh"]})
    assert marks.notes == ("Taken by name: W1 → wh, z1 → hidden_layer_input.",)


def test_names_can_be_given_and_matrices_left_out(article):
    v = article.values
    have = {"one": v["E"], "z1": v["output"], "error": v["E"] * 2}
    told = {"one": "E", "z1": "output", "error": None}
    marks = cellprop.compare(article, have, names=told)
    assert states(marks) == {"E": "right", "output": "right"}
    with pytest.raises(UnknownNameError, match=r"names: there is no 'onee'.* Did you mean 'one'"):
        cellprop.compare(article, have, names={"onee": "E"})
    with pytest.raises(UnknownNameError, match=r"names: there is no matrix 'EE' here."):
        cellprop.compare(article, have, names={"one": "EE"})
    with pytest.raises(InputError, match="one: expected 3 × 3 numbers, found 3 × 1"):
        cellprop.compare(article, have, names={"one": "hidden_layer_input"})


def test_a_matrix_of_an_unknown_name_is_known_by_its_numbers(article):
    v = article.values
    marks = cellprop.compare(article, {"foo": -v["E"], "bar": v["hidden_layer_input"].T})
    assert set(states(marks)) == {"E", "hidden_layer_input"}
    assert "Taken by their numbers: bar → hidden_layer_input, foo → E." in marks.notes
    arrays = [v["wh"], v["bh"], v["wout_new"]]
    marks = cellprop.compare(article, {f"arr_{i}": array for i, array in enumerate(arrays)})
    assert states(marks) == {"wout_new": "right"}


def test_what_is_not_known_is_listed_and_stops_nothing(article):
    have = {"E": article["E"], "d_outptu": [[9, 8]], "epochs": 100, "me": "Ada"}
    marks = cellprop.compare(article, {"E": have["E"], "d_outptu": have["d_outptu"]})
    assert marks.notes == ("Not compared: d_outptu. Did you mean 'd_output'?",)
    marks = cellprop.compare(article, have | {"labels": ["cat", "dog"], "loss": [1.0] * 50})
    assert marks.ok
    assert marks.notes[0] == "Not compared: d_outptu, epochs, me."
    assert marks.notes[1].startswith("labels was left out: labels, row 1: expected a number")
    assert marks.notes[2] == "loss can't be compared: it is 50, loss is 1 × 1."


def test_of_two_for_the_same_the_better_is_compared(article):
    v = article.values
    marks = cellprop.compare(article, {"a2": v["output"] + 1, "y_hat": v["output"]})
    assert states(marks) == {"output": "right"}
    assert "a2 was left out: another one is there for output." in marks.notes
    marks = cellprop.compare(article, {"output": v["output"] + 1, "y_hat": v["output"]})
    assert states(marks) == {"output": "wrong"}


@pytest.mark.parametrize("name", ["d_hidden", "dH"])
def test_where_a_name_means_several_the_numbers_tell(article, name):
    for ours in ("d_hiddenlayer", "Error_at_hidden_layer"):
        assert states(cellprop.compare(article, {name: -article.values[ours]})) == {ours: "right"}


def test_a_shape_that_does_not_fit_is_said_and_is_not_right(article):
    v = article.values
    have = {"error": v["y"][:, 0] - v["output"], "z1": v["hidden_layer_input"]}
    marks = cellprop.compare(article, have)
    assert not marks.ok
    (warning,) = marks.warnings
    assert warning.startswith("error can't be compared: it is 3 × 3, E is 3 × 1. A flat list and")


# --- What is given ------------------------------------------------------------------------


def test_given_matrices_that_are_others_are_said_first(article):
    W1 = article.values["wh"].copy()
    W1[0, 1] += 0.5
    have = {"W1": W1, "z1": article.values["X"] @ W1 + article.values["bh"]}
    marks = cellprop.compare(article, have)
    assert not marks.ok
    said = "W1 differs from the one that is given here (wh): row 1, column 2 is 1.38, here 0.88."
    assert marks.warnings[0].startswith(said)
    assert str(marks).splitlines()[1].startswith(said)


def test_another_learning_rate_is_said(article):
    have = {"lr": 0.05, "W1_new": (article.values["wh"] + article.values["wh_new"]) / 2}
    assert cellprop.compare(article, have).warnings[0].startswith("lr differs from the one that")


def test_given_matrices_in_32_bits_are_the_same(article):
    have = {"W1": article.values["wh"].astype(np.float32), "E": article.values["E"]}
    assert cellprop.compare(article, have).ok


def test_weights_with_the_numbers_of_the_update_are_the_updated_ones(article):
    marks = cellprop.compare(article, {"W1": article["wh_new"], "b1": article["bh_new"]})
    assert states(marks) == {"wh_new": "right", "bh_new": "right"}
    assert marks.notes == (
        "Taken by name, and as updated already by their numbers: W1 → wh_new, b1 → bh_new.",
    )


def test_weights_updated_in_place_and_wrongly_are_the_updated_ones_if_all_began_alike(article):
    v = article.values
    have = {"W1": (v["wh"] + v["wh_new"]) / 2, "z1": v["hidden_layer_input"]}
    marks = cellprop.compare(article, have)
    assert states(marks) == {"hidden_layer_input": "right", "wh_new": "wrong"}
    assert not marks.warnings


# --- Forms --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PLAIN)
def test_samples_may_stand_in_columns(kind):
    trace = trace_of(kind)
    have = program(trace)
    turned = {name: np.atleast_2d(array).T for name, array in have.items()}
    marks = cellprop.compare(trace, turned)
    assert set(states(marks).values()) == {"right"}, marks
    assert any(note.startswith("Samples stand in columns: ") for note in marks.notes)


def test_a_wrong_square_matrix_is_read_as_the_others_are():
    trace = trace_of("square")  # 3 samples, 3 inputs, 3 neurons, 3 outputs
    have = {name: np.atleast_2d(array).T for name, array in program(trace).items()}
    have["z2"] = np.random.default_rng(0).normal(size=(3, 3))
    marks = cellprop.compare(trace, have)
    assert {name for name, each in states(marks).items() if each == "wrong"} == {
        "output_layer_input"
    }
    assert marks.taken["output_layer_input"].variant.turned


@pytest.mark.parametrize("factor", [1, -1, 1 / 4, -1 / 4, 4, 2, -2, 2 / 4, -2 / 4, 1 / 2, -1 / 8])
def test_gradients_of_either_sign_and_scale_are_recognised(factor):
    trace = trace_of("deep", average=False)  # 4 samples, 2 outputs
    have = program(trace)
    scaled = {n: -a * factor if n.startswith("d") else a for n, a in have.items()}
    marks = cellprop.compare(trace, scaled)
    assert set(states(marks).values()) == {"right"}, marks
    assert any("the gradient of the loss" in note for note in marks.notes) == (factor < 0)


@pytest.mark.parametrize("kind", PLAIN)
def test_only_gradients_of_weights_may_be_means(kind):
    trace = trace_of(kind, average=False)
    have = program(trace, mean=True)
    marks = cellprop.compare(trace, have)
    found = states(marks)
    gradients = [f"d_{name}" for name in trace.network.shapes]
    assert {found[name] for name in gradients} == {"right"}, marks
    updates = {each for name, each in found.items() if name.endswith("_new")}
    assert updates == {"wrong"}  # they moved by the mean
    forms = [note for note in marks.notes if "dW1" in note and "; here" in note]
    assert all("the mean over samples" in note for note in forms)


def test_ours_may_be_the_mean_and_theirs_the_sum(article):
    trace = cellprop.example("article", average=True)
    have = program(trace, mean=False)
    marks = cellprop.compare(trace, {n: a for n, a in have.items() if "new" not in n})
    assert marks.ok
    assert any("the sum over samples; here" in note for note in marks.notes)


def test_what_goes_on_from_a_wrong_gradient_is_carried(article):
    v = article.values
    wrong = -v["hidden_layer_input"].T @ v["d_output"]
    have = {"dZ2": -v["d_output"], "dW2": wrong, "W2_new": v["wout"] - 0.1 * wrong}
    assert states(cellprop.compare(article, have)) == {
        "d_output": "right", "d_wout": "wrong", "wout_new": "carried",
    }  # fmt: skip


@pytest.mark.parametrize("kind", PLAIN)
def test_a_wrong_first_gradient_has_the_sign_of_the_others(kind):
    trace = trace_of(kind)
    have = program(trace)
    last = len(trace.network.sizes) - 1
    have[f"dZ{last}"] = have[f"dZ{last}"] * np.linspace(0.3, 2, have[f"dZ{last}"].size).reshape(
        have[f"dZ{last}"].shape
    )
    marks = cellprop.compare(trace, have)
    assert states(marks)["d_output"] == "wrong"
    assert marks.taken["d_output"].variant.factor.negative


def test_an_update_has_no_sign_of_its_own(article):
    v = article.values
    marks = cellprop.compare(article, {"wh_new": 2 * v["wh"] - v["wh_new"], "bh_new": -v["bh_new"]})
    assert states(marks) == {"wh_new": "wrong", "bh_new": "wrong"}
    assert marks.slips["wh_new", "update_subtracted"] == 12


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1), (1, 3, 1), (1, 1, 3)])
def test_axes_of_one_number_do_not_matter(article, shape):
    for name in ("E", "bh_new"):
        assert cellprop.compare(article, {name: article.values[name].reshape(shape)}).ok


def test_a_loss_may_be_one_number(article):
    loss = article.values["squared_error"]
    for number in (loss.sum(), loss.mean(), 2 * loss.mean(), 2 * loss.sum()):
        assert states(cellprop.compare(article, {"loss": number})) == {"loss": "right"}
    assert states(cellprop.compare(article, {"loss": -loss.mean()})) == {"loss": "wrong"}
    assert states(cellprop.compare(article, {"cost": loss})) == {"squared_error": "right"}


@pytest.mark.parametrize("optimizer", slow_but(["momentum"], ["momentum", "adam"]))
def test_what_an_update_rule_remembers_follows_the_signs_of_gradients(optimizer):
    trace = cellprop.example("article", optimizer=optimizer, epochs=3, walk_epoch=3)
    v = trace.values
    have = {"E": -v["E"], "dZ2": -v["d_output"], "W1_new": v["wh_new"]}
    if optimizer == "adam":
        have |= {"dW1": -v["wh_change"], "m_W1": -v["wh_m_new"], "v_W1": v["wh_v_new"]}
    else:
        have |= {"v_W1": -v["wh_velocity_new"]}
    marks = cellprop.compare(trace, have)
    assert set(states(marks).values()) == {"right"}, marks


# --- PyTorch ------------------------------------------------------------------------------


def in_torch(trace, dtype):
    """What PyTorch has of a trace's update, by its own names."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = trace.network
    model = torch.nn.Sequential()
    for i, (a, b) in enumerate(zip(network.sizes, network.sizes[1:], strict=False)):
        kind = (*network.activation, network.output_activation)[i]
        model.append(torch.nn.Linear(a, b))
        model.append(torch.nn.Sigmoid() if kind == "sigmoid" else torch.nn.Tanh())
    model.to(getattr(torch, dtype))
    values = [trace.values[name] for name in network.shapes]
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value.T).reshape(parameter.shape))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    X, y = (torch.tensor(trace.values[name]).to(getattr(torch, dtype)) for name in "Xy")
    output = model(X)
    loss = ((output - y) ** 2).sum() / 2
    loss.backward()
    gradients = {f"{name}.grad": each.grad for name, each in model.named_parameters()}
    torch.optim.SGD(model.parameters(), lr=trace.values["lr"].item()).step()
    after = model.state_dict()
    return before | gradients | {"y_hat": output, "loss": loss, "new": after}, after


@pytest.mark.parametrize(("dtype", "expected"), [("float64", "right"), ("float32", "approximate")])
@pytest.mark.parametrize("sizes", slow_but([[3, 3, 3]], [[4, 3, 1], [3, 3, 3], [2, 4, 3, 2]]))
def test_what_pytorch_computes_is_right_by_its_own_names(dtype, expected, sizes):
    trace = network(sizes, activation="tanh", output_activation="sigmoid", samples=5)
    have, after = in_torch(trace, dtype)
    marks = cellprop.compare(trace, have)
    assert marks.ok, marks
    layers = len(sizes) - 1
    assert len(marks.matrices) == 2 + 4 * layers
    assert expected in states(marks).values()
    assert set(states(marks).values()) <= {"right", expected}
    assert any(note.startswith("Weights are outputs × inputs: ") for note in marks.notes)
    marks = cellprop.compare(trace, after)
    assert [*states(marks)] == [f"{n}_new" for n in sorted(trace.network.shapes, key=lambda n: (
        n[0] == "b", -list(trace.network.shapes).index(n)))]  # fmt: skip
    assert marks.ok


# --- Anything -----------------------------------------------------------------------------

ODD = [
    lambda a, random: a,
    lambda a, random: a * np.nan,
    lambda a, random: a * 1e300,
    lambda a, random: a.T,
    lambda a, random: np.where(random.random(a.shape) < 0.3, -np.inf, a),
    lambda a, random: a.astype(np.float32),
    lambda a, random: np.zeros_like(a),
    lambda a, random: [[None] * a.shape[1]] * a.shape[0],
    lambda a, random: a.ravel(),
    lambda a, random: random.normal(size=a.shape),
]


@pytest.mark.parametrize("kind", slow_but(["article", "shallow"], KINDS))
@pytest.mark.parametrize("decimals", [None, 2])
def test_whatever_somebody_has_is_compared_or_refused_in_one_line(kind, decimals):
    trace = trace_of(kind)
    random = np.random.default_rng(len(kind))
    table = sorted(names_of(trace.program))
    for _ in range(12):
        have = {}
        for _ in range(random.integers(1, 6)):
            name = random.choice(table if random.random() < 0.5 else list(trace.values))
            like = trace.values.get(name, trace.values[random.choice(list(trace.values))])
            have[str(name)] = ODD[random.integers(len(ODD))](like, random)
        try:
            marks = cellprop.compare(trace, have, decimals=decimals)
        except cellprop.CellpropError as error:
            said = [str(error)]
        else:
            said = [*marks.notes, *marks.warnings, repr(marks)]
            assert str(marks)
        assert all(len(each.splitlines()) == 1 for each in said)


# --- What it says -------------------------------------------------------------------------


def lines(marks):
    return str(marks).splitlines()


def test_all_right_says_so_in_a_line_with_the_largest_difference(article):
    have = every(article)
    have["E"] = have["E"] * (1 + 1e-12)
    assert lines(cellprop.compare(article, have))[0] == (
        "15 of 15 matrices right, compared to 1e-9 relative; largest difference 7.9e-13."
    )
    single = {"E": article.values["E"].astype(np.float32)}
    assert lines(cellprop.compare(article, single))[0].startswith(
        "1 of 1 matrices right, compared to 1e-9 relative; 1 as 32-bit arithmetic goes; largest "
    )
    by_hand = {"E": article["E"].round(3)}
    assert lines(cellprop.compare(article, by_hand, decimals=3))[0] == (
        "1 of 1 matrices right, compared as numbers rounded to 3 decimals; largest difference"
        " 0.00034."
    )


def test_the_first_that_is_wrong_is_shown_with_ours_the_difference_and_the_slip(article):
    v = article.values
    z1 = v["X"] @ v["wh"]
    have = {"W1_new": v["wh"], "z1": z1, "a1": 1 / (1 + np.exp(-z1)), "y_hat": v["output"]}
    said = lines(cellprop.compare(article, have))
    assert said == [
        "1 of 4 matrices right, compared to 1e-9 relative; 1 right from your own numbers.",
        "",
        "First wrong: z1 (hidden_layer_input), step 2: 9 of 9 numbers",
        "It fits: the bias was left out.",
        "",
        "    yours              ours               difference",
        "      h1    h2    h3     h1    h2    h3      h1     h2     h3",
        "1   1.02  1.06  1.02   1.48  1.78   1.1   -0.46  -0.72  -0.08",
        "2   1.94  1.17  1.54    2.4  1.89  1.62   -0.46  -0.72  -0.08",
        "3   1.02  0.84   1.2   1.48  1.56  1.28   -0.46  -0.72  -0.08",
        "",
        "After it: exact: y_hat (output)",
        "After it: carried (right from your own numbers): a1 (hiddenlayer_activations)",
        "After it: wrong: W1_new (wh_new)",
        "",
        *said[15:],
    ]
    assert said[15].split("  ")[0] == "Matrix"
    assert said[16].split()[:3] == ["z1", "(hidden_layer_input)", "wrong"]


def test_a_slip_in_a_matrix_that_is_not_there_is_said_to_be_in_it(article):
    v = article.values
    d_output = -v["E"] * v["slope_output_layer"]
    have = {
        "W2_new": v["wout"] + 0.1 * v["hiddenlayer_activations"].T @ d_output,
        "b2_new": v["bout"] + 0.1 * d_output.sum(),
    }
    marks = cellprop.compare(article, have)
    assert marks.matrices[0].slipped_in == "E"
    said = "the difference was taken the other way round (in E, which is not among yours)"
    assert f"It fits: {said}." in str(marks)


def test_a_wrong_matrix_is_shown_as_they_have_it(article):
    v = article.values
    have = {n: np.atleast_2d(a).T for n, a in program(article).items()}
    have["dZ1"] = have["dZ1"].copy()
    have["dZ1"][2, 1] = 7.0
    said = "\n".join(lines(cellprop.compare(article, have)))
    row = next(line for line in said.splitlines() if line.startswith("h3"))
    assert row.split()[2] == "7"
    assert float(row.split()[5]) == pytest.approx(-v["d_hiddenlayer"][1, 2], rel=1e-3)


def test_numbers_have_digits_enough_to_see_the_difference(article):
    E = article.values["E"].copy()
    E[1] += 3e-6
    said = lines(cellprop.compare(article, {"E": E}))
    _, yours, ours, difference = next(line for line in said if line.startswith("2 ")).split()
    assert yours != ours
    assert difference == "+3e-06"


def test_of_a_large_matrix_what_is_around_the_worst_number_is_shown():
    random = np.random.default_rng(0)
    trace = cellprop.trace(
        cellprop.Network([5, 20, 2]), random.normal(size=(60, 5)), random.random((60, 2)), seed=1
    )
    z1 = trace.values["hidden_layer_input"].copy()
    z1[40, 7] += 1e-4
    said = lines(cellprop.compare(trace, {"z1": z1}))
    assert any("h8" in line for line in said)
    assert any(line.startswith("41 ") and "+0.0001" in line for line in said)
    assert "(54 rows and 17 columns are left out)" in said
    assert max(map(len, said)) <= 110
    assert len(said) < 40


def test_rounded_numbers_get_a_hint(article):
    have = {name: array.round(3) for name, array in every(article).items()}
    marks = cellprop.compare(article, {n: have[n] for n in ("output_layer_input", "output", "E")})
    assert marks.looks_rounded == 3
    assert "These look rounded to 3 decimals: compare with decimals=3, --decimals 3" in str(marks)
    assert cellprop.compare(article, {"E": have["E"] + 0.01}).looks_rounded is None
    assert cellprop.compare(article, {"E": article["E"]}).looks_rounded is None


def test_the_words_are_those_of_the_file(article):
    from cellprop.marking.said import text
    from cellprop.texts.words import Words, load

    words = load()
    marks = cellprop.compare(article, {"E": -article.values["E"] + 1})
    other = Words({k: v.replace("First", "Erste") if isinstance(v, str) else v
                   for k, v in words.texts.items()})  # fmt: skip
    assert "Erste wrong: E" in text(marks, other)


def test_names_are_data_and_safe_to_show(article):
    bad = "\x1b[31mW1\n"
    marks = cellprop.compare(article, {bad: article["wh"], "E": article["E"], "=evil()\r": 3})
    assert marks.ok
    assert not any(c in str(marks) for c in "\x1b\r")
    assert len({*map(len, [str(marks).splitlines()])}) == 1
    with pytest.raises(UnknownNameError) as caught:
        cellprop.compare(article, {"\x1b[31m\nfoo": 3})
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", EACH_KIND)
def test_any_one_wrong_matrix_is_the_first_wrong(kind):
    trace = trace_of(kind)
    have = every(trace)
    for name in have:
        off = have[name] + np.linspace(0.7, 1.3, have[name].size).reshape(have[name].shape)
        marks = cellprop.compare(trace, have | {name: off})
        assert states(marks)[name] == "wrong"
        first = next(each for each in marks.matrices if state(each) == "wrong")
        assert first.name == name
        assert f"First wrong: {name}, step {first.step}: " in str(marks)


def test_a_comparison_counts_matrices_in_a_line(article):
    marks = cellprop.compare(article, {"E": -article.values["E"] + 1, "output": article["output"]})
    assert repr(marks) == "<Comparison of 2 matrices: 1 right, 1 wrong>"
    assert set(states(marks).values()) <= set(STATES)
    assert all(np.isin(m.verdicts, FULL).all() == (state(m) == "right") for m in marks.matrices)


@pytest.mark.parametrize("text", ["E", "=E", "", "a=E=="])
def test_names_as_texts_have_one_form(text):
    if text == "a=E==":
        assert parse_names([text]) == {"a=E=": None}
        return
    with pytest.raises(InputError, match="--names: expected THEIRS=OURS"):
        parse_names([text])


def test_names_as_texts_are_read():
    assert parse_names(["hid=E", "a b = output", "x="]) == {"hid": "E", "a b": "output", "x": None}
    with pytest.raises(InputError, match="'x' is there twice"):
        parse_names(["x=E", "x=output"])


# --- By hand ------------------------------------------------------------------------------


def test_compare_marks_single_matrices_against_the_trace():
    trace = cellprop.article()
    marks = cellprop.compare(trace, {"output": trace["output"]}, decimals=12)
    assert (marks.total, marks.out_of) == (3, 3)
    by_hand = {"E": trace["E"].round(3), "d_output": [[1], [2], [None]]}
    marks = cellprop.compare(trace, by_hand, decimals=3)
    assert marks.cells["verdict"].tolist()[:3] == ["right"] * 3
    assert verdicts(marks, "d_output")[2] == ["blank"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("E", [-0.211, None, float("nan")]),
        ("E", [[-0.211], [None], [None]]),
        ("E", pd.DataFrame({"o1": [-0.211, None, None]})),
        ("E", pd.Series([-0.211, None, None])),
        ("E", np.array([-0.211, np.nan, np.nan])),
    ],
)
def test_compare_takes_tables_with_gaps_in_any_form(name, given):
    found = cellprop.compare(cellprop.article(), {name: given}, decimals=3).cells["verdict"]
    assert found.tolist() == ["slip", "blank", "blank"]


@pytest.mark.parametrize("wrap", [float, lambda x: [x], lambda x: [[x]], np.array])
def test_compare_takes_the_only_number_of_a_matrix_as_it_is(wrap):
    trace = cellprop.article()
    bias = trace["bout_new"].to_numpy().item()
    assert cellprop.compare(trace, {"bout_new": wrap(bias)}, decimals=12).total == 1


def test_compare_takes_a_flat_list_for_a_row():
    trace = cellprop.article()
    row = trace["bh_new"].to_numpy()[0].tolist()
    assert cellprop.compare(trace, {"bh_new": row}, decimals=12).total == 3


def test_compare_marks_all_matrices_by_numbers_that_are_not_rounded():
    trace = network([3, 3, 2], seed=8)
    trace = cellprop.trace(
        trace.network, trace["X"] / 3, trace["y"] / 3, parameters=trace.network.initialise(1)
    )
    every = {m.name: trace[m.name] for s in trace.program.steps for m in s.computed}
    marks = cellprop.compare(trace, every, decimals=12)
    assert marks.total == marks.out_of
    assert set(marks.cells["verdict"]) == {"right"}


@pytest.mark.parametrize("decimals", [-1, 13, 2.5, 3.0, True, "3", float("nan")])
def test_compare_rounds_to_a_whole_number_of_decimals(decimals):
    with pytest.raises(InputError, match="decimals: expected a whole number from 0 to 12, found"):
        cellprop.compare(cellprop.article(), {"E": [1, 2, 3]}, decimals=decimals)


def test_compare_goes_on_from_what_was_given():
    trace = cellprop.article()
    doubled = trace["E"] * 2
    d_output = doubled.to_numpy() * trace["slope_output_layer"].to_numpy()
    marks = cellprop.compare(trace, {"E": doubled, "d_output": d_output}, decimals=9)
    assert flat(marks, "d_output") == {"carried"}


@pytest.mark.parametrize(
    ("matrices", "error", "says"),
    [
        ({"d_ouput": [[1]]}, UnknownNameError, "Did you mean 'd_output'?"),
        ({"wh": [[1]]}, InputError, "wh: expected 4 × 3 numbers, found 1 × 1."),
        ({"foo": 1.0, "bar": 2.0}, UnknownNameError, "There is no 'foo' to compare."),
        ({"X": cellprop.article()["X"]}, InputError, "matrices: all are given; give what was com"),
        ({"X": [[1.0] * 4] * 3}, InputError, "X is given, and differs from the trace's; give what"),
        ({"W1_new": [[1, 2]], "W1": "x"}, InputError, "W1_new: expected 4 × 3 numbers, found 1 ×"),
        ([1, 2], InputError, "matrices: expected them by name"),
        (np.eye(3), InputError, "matrices: expected them by name"),
        ({"E": [[1, 2]]}, InputError, "E: expected 3 × 1 numbers, found 1 × 2."),
        ({"E": [[1], [2], ["x"]]}, InputError, "E, row 3, column 1: expected a number, found 'x'"),
        ({}, InputError, "expected at least one matrix"),
        ({"E": [[1], [2, 3]]}, InputError, "E: expected"),
    ],
)
def test_compare_says_what_is_wrong(matrices, error, says):
    with pytest.raises(error) as found:
        cellprop.compare(cellprop.article(), matrices)
    assert says in str(found.value)
    assert "\n" not in str(found.value)


def test_compare_takes_one_number_for_a_single_one():
    trace = cellprop.article()
    marks = cellprop.compare(trace, {"bout_new": float(trace["bout_new"].iloc[0, 0])})
    assert (marks.total, marks.out_of) == (1, 1)


@pytest.mark.parametrize(("rate", "said"), [(0.05, "0.5 times"), (-0.1, "-1 times")])
def test_an_update_whose_change_is_a_multiple_of_the_right_one_is_said_to_be(rate, said):
    trace = cellprop.article()
    old, h, delta = (trace[n].to_numpy() for n in ("wout", "hiddenlayer_activations", "d_output"))
    printed = str(cellprop.compare(trace, {"wout_new": old + h.T @ delta * rate}))
    if rate < 0:  # that slip has a name
        assert "It fits: the update was subtracted" in printed
    else:
        assert (
            f"The change is {said} the right one throughout: as with a learning rate of {rate}"
            in printed
        )
