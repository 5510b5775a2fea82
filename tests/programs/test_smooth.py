"""The smooth relatives of the ReLU: softplus, ELU, SiLU and GELU, in every reading and face."""

from __future__ import annotations

import re
import subprocess
import warnings
from typing import Any

import numpy as np
import pytest

import cellprop
import filling
from cellprop.algebra import Axis, Matrix, apply, define, evaluate, formulas, slope_of, text
from cellprop.exercise import write
from cellprop.marking.question import ask
from conftest import slow_but, slow_case
from reference import ACTIVATIONS, close
from students import numbers_of

SMOOTH = ("softplus", "elu", "silu", "gelu")
EACH = pytest.mark.parametrize("name", SMOOTH)
LARGE = (-800.0, 800.0)
# What docs/architecture.md says that all spreadsheet programs compute alike.
PORTABLE = {"EXP", "MIN", "MAX", "SUM", "SUMSQ", "LN", "TANH", "SQRT", "ABS", "IF"}
# Numbers on both sides of 0, close to it and far away.
AT = np.array([-40.0, -19.0, -9.5, -3.0, -1.0, -0.3, -1e-9, 0, 1e-9, 0.2, 1, 2.5, 10.5, 19, 40])
Z = Matrix("z", Axis.numbered("a", len(AT)), Axis.numbered("b", 1))
COLUMN = AT[:, np.newaxis]


def of(name: str, z: np.ndarray = COLUMN) -> tuple[np.ndarray, np.ndarray]:
    """Return an activation's values and its slopes, as the steps compute them."""
    entered = Matrix("z", Axis.numbered("a", len(z)), Z.columns)
    output = define("output", apply(name, entered))
    assert output.definition is not None
    slope = slope_of(output.definition, output)
    assert slope is not None
    found = evaluate([entered, output, define("slope", slope)], {"z": z})
    return found["output"], found["slope"]


def in_torch(torch: Any, name: str, z: Any) -> Any:
    functional = torch.nn.functional
    if name == "gelu":
        return functional.gelu(z, approximate="tanh")
    if name == "softplus":  # which goes straight from 20 on, unless it is told otherwise
        return functional.softplus(z, threshold=1000)
    return getattr(functional, name)(z)


# --- Values and slopes --------------------------------------------------------------------


@EACH
def test_values_and_slopes_are_those_of_plain_numpy_and_of_finite_differences(name):
    value, slope = ACTIVATIONS[name]
    found, slopes = of(name)
    assert close(found, value(COLUMN), tolerance=1e-12)
    assert close(slopes, slope(COLUMN), tolerance=1e-12)
    step = 1e-6
    smooth = np.abs(AT) > 2 * step  # the ELU has two curvatures at 0
    differences = (of(name, COLUMN + step)[0] - of(name, COLUMN - step)[0]) / (2 * step)
    assert close(slopes[smooth], differences[smooth], tolerance=1e-7)


@EACH
def test_values_and_slopes_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    z = torch.tensor(COLUMN, requires_grad=True)
    expected = in_torch(torch, name, z)
    expected.sum().backward()
    found, slopes = of(name)
    assert close(found, expected.detach().numpy(), tolerance=1e-12)
    assert close(slopes, z.grad.numpy(), tolerance=1e-12)


@EACH
def test_large_inputs_saturate_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for large in (800.0, 1e50, 1e150, 1e299):
            found, slopes = of(name, np.array([[-large], [large]]))
            assert found.ravel() == pytest.approx([-1 if name == "elu" else 0, large], abs=1e-4)
            assert slopes.ravel() == pytest.approx([0, 1], abs=1e-4)


# --- Texts --------------------------------------------------------------------------------


@EACH
def test_the_numpy_text_computes_the_values_and_the_slopes(name):
    found, slopes = of(name, np.array([*AT, *LARGE])[:, np.newaxis])
    known = {"np": np, "z": np.array([*AT, *LARGE])[:, np.newaxis], "output": found}
    output = Matrix("output", Z.rows, Z.columns)
    slope = slope_of(apply(name, Z), output)
    assert slope is not None
    with np.errstate(over="ignore"):
        assert close(eval(text(apply(name, Z), "numpy"), known), found, tolerance=1e-13)
        assert close(eval(text(slope, "numpy"), known), slopes, tolerance=1e-13)


def test_the_r_texts_compute_the_values_and_the_slopes(rscript, tmp_path):
    z = np.array([*AT, *LARGE])[:, np.newaxis]
    lines, expected = ["options(digits=17)"], []
    lines.append(f"z <- cbind(c({', '.join(repr(float(x)) for x in z.ravel())}))")
    output = Matrix("output", Z.rows, Z.columns)
    for name in SMOOTH:
        slope = slope_of(apply(name, Z), output)
        assert slope is not None
        lines += [f"output <- {text(apply(name, Z), 'r')}", f"slope <- {text(slope, 'r')}"]
        lines += [
            "stopifnot(dim(output) == dim(z), dim(slope) == dim(z))",
            "cat(sprintf('%.17g', output), '\\n')",
            "cat(sprintf('%.17g', slope), '\\n')",
        ]
        expected += of(name, z)
    (tmp_path / "smooth.R").write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        [rscript, "--vanilla", str(tmp_path / "smooth.R")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    printed = [np.array(line.split(), float) for line in done.stdout.splitlines()]
    assert len(printed) == len(expected) == 2 * len(SMOOTH)
    for found, right in zip(printed, expected, strict=True):
        assert close(found[:, np.newaxis], right, tolerance=1e-13)


@EACH
def test_formulas_of_cells_hold_to_what_every_spreadsheet_computes(name):
    slope = slope_of(apply(name, Z), Matrix("output", Z.rows, Z.columns))
    assert slope is not None
    for expression in (apply(name, Z), slope):
        formula = formulas(expression, lambda matrix: [["A1"]] * matrix.shape[0])[0][0]
        assert set(re.findall(r"[A-Z]+(?=\()", formula)) <= PORTABLE
        assert "^" not in formula
        assert not re.search(r"\dE", formula)


# --- Faces --------------------------------------------------------------------------------

X = np.array([[0.2, -1.0], [1.5, 0.3], [-0.7, 0.9]])
Y = np.array([[0.6], [-0.2], [1.1]])


def traced(name: str, sizes: tuple[int, ...] = (2, 3, 1), **options: Any) -> cellprop.Trace:
    network = cellprop.Network(sizes, activation=name, output_activation="linear")
    settings = {"seed": 4, "epochs": 8, "learning_rate": 0.1} | options
    return cellprop.trace(network, X, Y, **settings)


def assert_recalculates(path: Any) -> None:
    found = cellprop.verify(path)
    assert found.ok, found
    assert found.cells > 100


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("gelu", "flip-book"), ("silu", "close-up"), slow_case("gelu", "close-up"),
        slow_case("silu", "flip-book"),
        *(slow_case(n, lay) for n in ("softplus", "elu") for lay in ("flip-book", "close-up")),
    ],
)  # fmt: skip
def test_a_workbook_recalculates_and_says_what_the_activation_does(name, layout, tmp_path):
    trace = traced(name)
    assert trace.history["loss"].iloc[-1] < trace.history["loss"].iloc[0]
    assert_recalculates(trace.to_excel(tmp_path / f"{name}.xlsx", layout=layout))


@pytest.mark.parametrize("name", slow_but(["elu"], SMOOTH))
def test_large_inputs_give_no_error_in_a_workbook(name, tmp_path):
    first = {"wh": np.full((2, 3), -800.0), "bh": np.full((1, 3), 100.0)}
    trace = traced(name, parameters=first, learning_rate=0, epochs=1)
    entered = trace["hidden_layer_input"].to_numpy()
    assert entered.min() < -700
    assert entered.max() > 700
    assert_recalculates(trace.to_excel(tmp_path / f"{name}.xlsx"))


@pytest.mark.parametrize("name", slow_but(["gelu"], SMOOTH))
def test_an_exercise_is_marked_with_full_marks(name, tmp_path):
    question = ask(traced(name).update, decimals=3)
    path = write(question, tmp_path / "exercise.xlsx")
    done = filling.fill(path, tmp_path / "done.xlsx", numbers_of(question, decimals=3))
    marks = cellprop.check(done)
    assert marks.total == marks.out_of > 50
    assert not marks.slips
