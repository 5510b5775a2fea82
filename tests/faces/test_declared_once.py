"""A program is declared once, and a face asks for the forward part only of other samples."""

from __future__ import annotations

from collections import Counter

import pytest

import cellprop
from cellprop.programs.perceptron import Perceptron


@pytest.fixture
def declared(monkeypatch):
    """Return how often models declare a program or its forward part, counted from now on."""
    counts = Counter()
    for part in ("program", "forward"):
        declare = getattr(Perceptron, part)

        def counted(*args, part=part, declare=declare, **options):
            counts[part] += 1
            return declare(*args, **options)

        monkeypatch.setattr(Perceptron, part, counted)
    return counts


def test_building_the_articles_workbook_declares_one_program(declared, tmp_path):
    cellprop.article().to_excel(tmp_path / "article.xlsx")
    # Forward once more: of the samples that are to be typed on the sheet Predictions.
    assert declared == {"program": 1, "forward": 1}


def test_the_grid_of_the_decision_boundary_takes_one_more_way_forward(declared, tmp_path):
    cellprop.example("xor").to_excel(tmp_path / "xor.xlsx")
    assert declared == {"program": 1, "forward": 2}


def test_samples_that_a_sheet_has_no_room_for_take_another(declared, tmp_path):
    X = [[k % 7, k % 5] for k in range(1001)]
    y = [k % 2 for k in range(1001)]
    run = cellprop.trace(cellprop.Network([2, 1, 1]), X, y, seed=1)
    run.to_excel(tmp_path / "many.xlsx")
    assert declared == {"program": 1, "forward": 3}


def test_the_program_of_a_batch_is_declared_beside_that_of_all_samples(declared, tmp_path):
    run = cellprop.example("xor", batch_size=3, epochs=2)
    trained = declared["program"]  # also for the sizes that batches have
    run.to_excel(tmp_path / "batch.xlsx")
    assert declared == {"program": trained, "forward": 2}


def test_a_table_in_the_terminal_declares_nothing(declared):
    from rich.console import Console

    from cellprop.faces import terminal
    from cellprop.texts.words import load

    run = cellprop.article()
    before = declared.copy()
    terminal.show(Console(quiet=True), run, terminal.chosen(run, ()), load(), None)
    assert declared == before
