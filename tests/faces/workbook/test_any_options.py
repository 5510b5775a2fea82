"""Whatever options are given: either one clear line refuses them, or the workbook is right."""

from __future__ import annotations

import tempfile
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import asking
import cellprop
from cellprop.cli.model import trace
from cellprop.errors import CellpropError
from cellprop.tracing import Trace

# Shrinking takes many workbooks, and a smaller one does not say more.
FEW = settings(max_examples=3, derandomize=True, phases=[Phase.explicit, Phase.generate])
MANY = settings(
    max_examples=100,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


LAYOUTS = st.sampled_from(("auto", "flip-book", "close-up", "close-up"))
ROWS = st.integers(1, 12)


def refused_or_right(ask, layout: str = "auto", rows: int = 8) -> Trace | None:
    """Ask for a trace: return it if its workbook is right, None if it is refused in one line."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "book.xlsx"
        try:
            trace = ask()
            trace.to_excel(path, layout=layout, rows=rows)
        except CellpropError as error:
            line = str(error)
            assert line, ask
            assert line.isprintable(), line
            assert not path.exists()
            return None
        found = cellprop.verify(path)
    assert found.ok, [(d.sheet, d.cell, d.stored, d.computed) for d in found.differences[:5]]
    return trace


# --- In Python ----------------------------------------------------------------------------

ONE_AT_A_TIME = asking.Asked(
    {"sizes": [2, 3, 1]},
    np.array([[0.1, 0.2], [0.5, 1.0], [0.0, 1.0]]),
    np.array([[1.0], [0.0], [1.0]]),
    {"seed": 1, "epochs": 0, "batch_size": 1, "walk_batch": 2, "optimizer": "momentum"},
)
TINY = asking.Asked(
    {"sizes": [1, 2, 2], "activation": "relu", "output_activation": "sigmoid"},
    np.array([[1e-17], [1e-300], [-1.0]]),
    np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]),
    {
        "parameters": {"wh": [[1.0, -1.0]], "bh": [[0.0, 0.0]], "bout": [[-40.0, -41.0]]},
        "seed": 1,
        "epochs": 3,
    },
)


@FEW
@given(asked=asking.anything(), layout=LAYOUTS, rows=ROWS)
@example(asked=ONE_AT_A_TIME, layout="auto", rows=8)
@example(asked=TINY, layout="close-up", rows=1)
def test_options_are_refused_clearly_or_the_workbook_verifies(asked, layout, rows):
    refused_or_right(asked.trace, layout, rows)


@pytest.mark.slow
@MANY
@given(asked=asking.anything(), layout=LAYOUTS, rows=ROWS)
def test_any_options_are_refused_clearly_or_the_workbook_verifies(asked, layout, rows):
    refused_or_right(asked.trace, layout, rows)


# --- On the command line ------------------------------------------------------------------

FLOWERS = """\
length,width,kind
5.1,3.5,setosa
4.9,3.0,setosa
7.0,3.2,versicolor
6.4,3.2,versicolor
5.8,2.7,virginica
"""
NUMBERS = """\
size,age,weight
5.1,3,-12.5
4.9,3,30
7,1,0
6.4,2,1e-17
"""
BITS = "a,b,c\n0,1,1\n1,1,0\n0,0,1\n"
FILES = {
    "flowers": (FLOWERS, ("kind",)),
    "numbers": (NUMBERS, ("weight", "age,weight", "size")),
    "bits": (BITS, ("c", "b,c", "missing")),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[Path, tuple[str, ...]]:
    """Files of samples, with what can be their targets."""
    return written(tmp_path_factory.mktemp("data"))


def written(folder: Path) -> dict[Path, tuple[str, ...]]:
    found = {}
    for name, (text, targets) in FILES.items():
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        found[path] = targets
    return found


@FEW
@given(data=st.data())
def test_a_command_is_refused_clearly_or_its_workbook_verifies(files, data):
    ask = partial(trace, data.draw(asking.commands(files)))
    refused_or_right(ask, data.draw(LAYOUTS), data.draw(ROWS))


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_any_command_is_refused_clearly_or_its_workbook_verifies(files, data):
    ask = partial(trace, data.draw(asking.commands(files)))
    refused_or_right(ask, data.draw(LAYOUTS), data.draw(ROWS))


# --- How much of it there is --------------------------------------------------------------


def test_most_of_what_is_drawn_is_not_refused():
    drawn, refused = [], []

    @settings(max_examples=100, derandomize=True, phases=[Phase.generate])
    @given(asked=asking.anything())
    def ask(asked):
        drawn.append(asked)
        try:
            asked.trace()
        except CellpropError as error:
            refused.append(str(error))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask()
    assert len(drawn) == 100
    assert 0 < len(refused) < 60
