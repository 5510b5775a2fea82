"""What has labels is put in order by them, or refused; what has none goes by place."""

from __future__ import annotations

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
from cellprop import CellpropError, Network
from cellprop.algebra import Axis
from cellprop.cli.model import trace
from cellprop.cli.options import Model
from cellprop.files.aligned import columns, matrix
from cellprop.files.samples import Table, table

VALUES = np.array([[0.0, 10.0, 3.0], [1.0, 30.0, 5.0], [2.0, 20.0, 1.0]])
X = pd.DataFrame(VALUES, columns=["a", "b", "c"])
Y = pd.DataFrame([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], columns=["p", "q"])
NETWORK = Network([3, 2, 2])
RUN = cellprop.trace(NETWORK, X, Y, seed=1, epochs=3)
OF_ARRAYS = cellprop.trace(NETWORK, VALUES, Y.to_numpy(), seed=1, epochs=3)


def refused(use, *arguments, **options):
    with pytest.raises(CellpropError) as caught:
        use(*arguments, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


# --- Predictions --------------------------------------------------------------------------


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_columns_in_another_order_give_the_same_predictions(order):
    assert RUN.predict(X.iloc[:, order]).equals(RUN.predict(X))
    assert RUN.predict(X.iloc[:, order]).equals(RUN.predict(VALUES))


def test_scaled_inputs_are_found_by_name_as_well():
    run = cellprop.trace(NETWORK, X, Y, seed=1, scale="standard")
    assert run.predict(X[["c", "a", "b"]]).equals(run.predict(X))


def test_columns_are_found_however_their_letters_are_put_together():
    composed, apart = ["\u00e9", "a"], ["a", "e\u0301"]
    run = cellprop.trace(Network([2, 1]), X[["a", "b"]].set_axis(composed, axis=1), Y["p"], seed=1)
    new = X[["b", "a"]].set_axis(apart, axis=1)
    assert run.predict(new).equals(run.predict(VALUES[:, :2]))


EXPECTED = "X: expected the columns a, b, c (in any order), found "
REMEDY = "; name the columns so, or give an array, which goes by place."
OTHER_COLUMNS = {
    "renamed": (X.rename(columns={"b": "B"}), "a, B, c; missing: b, unknown: B"),
    "all renamed": (
        X.set_axis(["d", "e", "f"], axis=1),
        "d, e, f; missing: a, b, c, unknown: d, e, f",
    ),
    "missing": (X[["a", "c"]], "a, c; missing: b"),
    "extra": (X.assign(y=1.0), "a, b, c, y; unknown: y"),
    "extra, reordered": (X.assign(y=1.0)[["y", "c", "b", "a"]], "y, c, b, a; unknown: y"),
    "twice": (X[["a", "b", "b"]], "a, b, b; missing: c, there twice: b"),
    "twice, all there": (X[["a", "b", "b", "c"]], "a, b, b, c; there twice: b"),
    "numbers as names": (
        X.set_axis([3, 1, 2], axis=1),
        "3, 1, 2; missing: a, b, c, unknown: 3, 1, 2",
    ),
    "counted from 1": (
        X.set_axis([1, 2, 3], axis=1),
        "1, 2, 3; missing: a, b, c, unknown: 1, 2, 3",
    ),
    "our numbering": (
        X.set_axis(["x1", "x2", "x3"], axis=1),
        "x1, x2, x3; missing: a, b, c, unknown: x1, x2, x3",
    ),
    "two levels": (
        pd.concat({"k": X}, axis=1),
        "('k', 'a'), ('k', 'b'), ('k', 'c'); missing: a, b, c, unknown: ('k', 'a'), ('k', 'b'),"
        " ('k', 'c')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER_COLUMNS)
def test_columns_of_other_names_are_refused_by_their_names(what):
    frame, part = OTHER_COLUMNS[what]
    assert refused(RUN.predict, frame) == f"{EXPECTED}{part}{REMEDY}"


@pytest.mark.parametrize(
    "samples",
    [
        VALUES,
        VALUES.tolist(),
        pd.DataFrame(VALUES),  # whose columns only count
        pd.DataFrame(VALUES, columns=["0", "1", "2"]),
        Table(VALUES, None, None),
    ],
)
def test_what_has_no_names_goes_by_place(samples):
    assert RUN.predict(samples).equals(RUN.predict(X))


@pytest.mark.parametrize("names", [["c", "a", "b"], [2, 0, 7], ["x", "y", "z"]])
def test_a_trace_of_arrays_takes_any_names_by_place(names):
    frame = X.set_axis(names, axis=1)
    assert OF_ARRAYS.predict(frame).equals(OF_ARRAYS.predict(VALUES))


def test_a_trace_of_arrays_finds_the_labels_that_it_shows():
    shown = X.set_axis(["x1", "x2", "x3"], axis=1)
    assert OF_ARRAYS.predict(shown[["x3", "x1", "x2"]]).equals(OF_ARRAYS.predict(VALUES))


@pytest.mark.parametrize("names", [[0, 1, 2], [10, 20, 30], [2, 0, 1], [0.5, 1.5, -1.0]])
def test_columns_named_by_numbers_are_found_by_them(names):
    frame = X.set_axis(names, axis=1)
    run = cellprop.trace(NETWORK, frame, Y, seed=1)
    assert run.predict(frame.iloc[:, [2, 0, 1]]).equals(run.predict(frame))


def test_names_that_are_there_twice_can_only_stay_in_their_order():
    frame = X.set_axis(["a", "a", "b"], axis=1)
    run = cellprop.trace(NETWORK, frame, Y, seed=1)
    assert run.predict(frame).equals(run.predict(VALUES))
    message = refused(run.predict, frame.iloc[:, [2, 0, 1]])
    assert message.startswith("X: expected the columns a, a, b (in any order), found b, a, a; ")


def test_a_single_input_is_known_by_its_name_too():
    run = cellprop.trace(Network([1, 1]), X[["a"]], [0.0, 1.0, 1.0], seed=1)
    for same in (X[["a"]], X["a"], X["a"].rename(None), X["a"].tolist()):
        assert run.predict(same).equals(run.predict(VALUES[:, :1]))
    assert "found b; missing: a, unknown: b" in refused(run.predict, X["b"])


class Frame:
    """A table of another library: named columns, but no index."""

    def __init__(self, frame):
        self.columns = list(frame.columns)
        self._values = frame.to_numpy()

    def to_numpy(self):
        return self._values


def test_another_librarys_tables_have_names_as_well():
    run = cellprop.trace(NETWORK, Frame(X), Frame(Y), seed=1)
    assert run["X"].columns.tolist() == ["a", "b", "c"]
    assert run.predict(Frame(X[["b", "c", "a"]])).equals(run.predict(X))
    assert refused(run.predict, Frame(X[["a", "b"]])).endswith(f"found a, b; missing: c{REMEDY}")


def test_examples_know_their_names():
    run = cellprop.example("iris", epochs=0)
    frame = run["X"]
    assert run.predict(frame.iloc[:, ::-1]).equals(run.predict(frame))
    assert "unknown: sepal, petal, there twice" in refused(
        run.predict, frame.rename(columns=lambda n: n.split()[0])
    )


names = st.lists(st.text(max_size=6), min_size=1, max_size=5, unique_by=lambda text: text.strip())


@settings(max_examples=60)
@given(names, st.data())
def test_any_order_of_any_names_is_the_order_of_the_table(names, draw):
    order = draw.draw(st.permutations(range(len(names))))
    frame = pd.DataFrame([range(len(names))], columns=names).astype(float)
    found = table("X", frame)
    wanted = [found.column_labels[i] for i in order]
    if len(set(wanted)) == len(wanted):  # safe to show, they may be the same
        assert columns("X", found, wanted, named=True).values.tolist() == [list(order)]
        assert columns("X", found, wanted, named=False).values.tolist() == [list(order)]


ATTRIBUTES = [
    "detach",
    "toarray",
    "numpy",
    "to_numpy",
    "tolist",
    "dtype",
    "columns",
    "index",
    "name",
]


def test_columns_and_rows_may_be_called_as_what_arrays_have():
    """A DataFrame has each column as an attribute, and a Series each row."""
    frame = pd.DataFrame([range(len(ATTRIBUTES))], columns=ATTRIBUTES).astype(float)
    found = table("X", frame)
    assert found.column_labels == tuple(ATTRIBUTES)
    assert found.values.tolist() == [[*range(len(ATTRIBUTES))]]
    series = pd.Series(range(len(ATTRIBUTES)), index=ATTRIBUTES, dtype=float)
    assert table("X", series).row_labels == tuple(ATTRIBUTES)
    network = Network([len(ATTRIBUTES), 2, 2])
    y = pd.DataFrame([[0.0, 1.0]], columns=["tolist", "dtype"])
    trace = cellprop.trace(network, frame, y, seed=0)
    assert trace.matrix("y").columns.labels == ("tolist", "dtype")
    assert (trace.predict(frame[ATTRIBUTES[::-1]]) == trace.predict(frame)).all(axis=None)


# --- Networks that know their names -------------------------------------------------------


def test_a_network_that_knows_its_names_puts_x_and_y_in_their_order():
    network = Network([3, 2, 2], input_names=["a", "b", "c"], output_names=["p", "q"])
    assert network == NETWORK
    run = cellprop.trace(network, X[["b", "c", "a"]], Y[["q", "p"]], seed=1, epochs=3)
    assert run["X"].equals(RUN["X"])
    assert run["y"].equals(RUN["y"])
    assert (run.losses == RUN.losses).all()
    by_place = cellprop.trace(network, VALUES, Y.to_numpy(), seed=1, epochs=3)
    assert by_place["X"].equals(RUN["X"])
    assert by_place["y"].equals(RUN["y"])
    message = refused(cellprop.trace, network, X, Y.rename(columns={"q": "r"}))
    assert message.startswith("y: expected the columns p, q (in any order), found p, r; missing: q")


def test_samples_of_another_size_are_still_told_by_their_size():
    network = Network([3, 2, 2], input_names=["a", "b", "c"])
    with pytest.raises(CellpropError) as caught:
        cellprop.trace(network, VALUES[:, :2], Y)
    assert "2" in str(caught.value)
    assert "3" in str(caught.value)
    assert "missing: c" in refused(cellprop.trace, network, X[["a", "b"]], Y)


@pytest.mark.parametrize(
    ("given", "found"),
    [(["a", "b"], "a, b"), (["a", "b", "c", "\x1b"], "a, b, c, ␛"), ("abc", "abc"), ([], "[]")],
)
def test_the_names_of_inputs_have_to_be_as_many(given, found):
    assert refused(Network, [3, 2], input_names=given) == (
        f"Network input_names: expected 3 names, found {found}."
    )


def test_a_network_with_a_name_twice_takes_columns_in_its_order_only():
    network = Network([3, 2, 2], input_names=["a", "a", "b"])
    frame = X.set_axis(["a", "a", "b"], axis=1)
    assert (cellprop.trace(network, frame, Y, seed=1)["X"].to_numpy() == VALUES).all()
    assert "found b, a, a; " in refused(cellprop.trace, network, frame[["b", "a"]], Y)


# --- Parameters ---------------------------------------------------------------------------


def with_parameters(given, samples=X, targets=Y, **options):
    return cellprop.trace(NETWORK, samples, targets, parameters=given, seed=1, **options)


def test_weights_with_labels_are_found_by_the_names_of_inputs_and_outputs():
    wh, wout, bout = RUN["wh"], RUN["wout"], RUN["bout"]
    expected = with_parameters({name: RUN[name].to_numpy() for name in NETWORK.shapes})
    for some in (
        {"wh": wh, "wout": wout, "bout": bout},
        {"wh": wh.loc[["c", "a", "b"]], "wout": wout[["q", "p"]], "bout": bout[["q", "p"]]},
        {"wh": wh[["h2", "h1"]].loc[["b", "c", "a"]], "wout": wout.loc[["h2", "h1"]]},
        {"wh": wh, "bout": bout[["q", "p"]].iloc[0]},
    ):
        found = with_parameters({"bh": RUN["bh"], "wout": wout, "bout": bout} | some)
        assert found["output"].equals(expected["output"])
        assert found["wh_new"].equals(expected["wh_new"])


def test_what_a_rule_remembers_is_found_by_name_too():
    run = with_parameters(None, optimizer="momentum", epochs=2)
    velocity = pd.DataFrame(run.carried["wh_velocity"], index=X.columns)
    expected = with_parameters({"wh_velocity": velocity}, optimizer="momentum")
    found = with_parameters({"wh_velocity": velocity.loc[["c", "b", "a"]]}, optimizer="momentum")
    assert found["wh_new"].equals(expected["wh_new"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda wh: wh.rename(index={"a": "d"}),
            "wh: expected the rows a, b, c (in any order), found d, b, c; missing: a, unknown: d;"
            " name the rows so, or give numbers without labels, which go by place.",
        ),
        (
            lambda wh: wh.set_axis(["a", "b", "b"]),
            "wh: expected the rows a, b, c (in any order), found a, b, b; missing: c, there twice:"
            " b; name the rows so, or give numbers without labels, which go by place.",
        ),
        (lambda wh: wh.iloc[:2], "wh: expected 3 × 2 numbers, found 2 × 2."),
    ],
)
def test_weights_of_other_inputs_are_refused(change, message):
    assert refused(with_parameters, {"wh": change(RUN["wh"])}) == message


def test_weights_whose_labels_only_number_go_by_place():
    wh = RUN["wh"]
    expected = with_parameters({"wh": wh.to_numpy()})["output"]
    for labels in (range(3), ["x1", "x2", "x3"], ["input 0", "input 1", "input 2"], [1, 2, 3]):
        assert with_parameters({"wh": wh.set_axis(list(labels))})["output"].equals(expected)
    other = wh.set_axis(["this", "that"], axis=1)  # what neurons are called is anybody's choice
    assert with_parameters({"wh": other})["output"].equals(expected)
    numbered = cellprop.trace(NETWORK, VALUES, Y.to_numpy(), parameters={"wh": wh}, seed=1)
    assert (numbered["wh"].to_numpy() == wh.to_numpy()).all()


def test_a_label_that_was_cut_to_fit_is_known_by_its_beginning():
    rows = Axis("inputs", ("sepal length", "sepal width", "age"))
    one = Axis("outputs", ("o1",))

    def ordered(labels):
        return matrix("wh", Table(VALUES[:, :1], tuple(labels), None), rows, one)[:, 0].tolist()

    assert ordered(["sepal…", "sepal…", "age"]) == [0.0, 1.0, 2.0]
    assert ordered(["age", "sepal w…", "sepal l…"]) == [2.0, 1.0, 0.0]
    assert "missing: " in refused(ordered, ["age", "sepal…", "sepal…"])


# --- Parameters of a file -----------------------------------------------------------------


@pytest.fixture
def reordered(tmp_path):
    """Return data of which the inputs stand in another order, and what asks for them."""
    X.assign(y=[0.0, 1.0, 1.0]).to_csv(tmp_path / "data.csv", index=False)
    X.assign(y=[0.0, 1.0, 1.0])[["c", "y", "a", "b"]].to_csv(tmp_path / "other.csv", index=False)

    def model(file, **options):
        return trace(Model(data=tmp_path / file, target="y", epochs=2, seed=5, **options))

    return model


def same_start(found, expected):
    # Excel's own files keep 15 to 17 digits.
    change = found["wh"].loc[["a", "b", "c"]] - expected["wh_new"].loc[["a", "b", "c"]]
    return change.abs().to_numpy().max() < 1e-14


def test_a_workbook_of_ours_starts_a_network_whose_inputs_stand_in_another_order(
    tmp_path, reordered
):
    run = reordered("data.csv", walk_epoch=2)
    path = run.to_excel(tmp_path / "run.xlsx")
    found = reordered("other.csv", parameters=path)
    assert found["X"].columns.tolist() == ["c", "a", "b"]
    assert same_start(found, run)


def test_sheets_with_labels_start_a_network_whose_inputs_stand_in_another_order(
    tmp_path, reordered
):
    run = reordered("data.csv", walk_epoch=2)
    book = openpyxl.Workbook()
    book.active.title = "wh"
    book.active.append([None, *run["wh_new"].columns])
    for name, row in run["wh_new"].iterrows():
        book.active.append([name, *row])
    book.save(tmp_path / "weights.xlsx")
    assert same_start(reordered("other.csv", parameters=tmp_path / "weights.xlsx"), run)
    book.active["A2"] = "z"
    book.save(tmp_path / "weights.xlsx")
    message = refused(reordered, "other.csv", parameters=tmp_path / "weights.xlsx")
    assert message.startswith(
        "wh: expected the rows c, a, b (in any order), found z, b, c; missing"
    )
