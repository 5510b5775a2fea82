"""The table of samples on the sheet Predictions, and what the trained network says of each.

Says which columns a row has and computes what stands in them; the sheet itself is `predictions`.
Other sheets refer to its cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellprop.algebra import Array, Axis, Matrix
from cellprop.faces.workbook.band import Band, band, one_after_another
from cellprop.faces.workbook.canvas import WIDEST
from cellprop.faces.workbook.trained import Trained, known
from cellprop.programs.deciding import Decision
from cellprop.programs.program import Forward
from cellprop.running.run import Run
from cellprop.texts.formats import LONGEST_LABEL, cut

# The most samples that have a row; fewer where that would be more formula cells than this, since
# such a sheet is slow.
MOST_SAMPLES, MOST_CELLS = 1000, 200_000
# Prose takes so many columns at least.
NARROWEST = 13
FIRST_COLUMN = 2


@dataclass(frozen=True)
class SampleTable:
    """Where everything stands in the table of samples: first columns, and rows.

    Attributes:
        how: How outputs decide.
        inputs, outputs: What the columns of the inputs and the outputs stand for.
        classes: What the classes are called, where one of several is chosen.
        two: What the two classes of a single output are called; empty if they have no names.
        raw, output, decided, target, wanted, verdict: Columns of what is shown: the inputs, the
            outputs, the class or classes decided, the targets, the class wanted, and right or
            wrong; without a decision the differences.
        last: The last column of that.
        page: The last column of prose and links.
        hit: The column that is 1 where a sample is right; working columns begin there.
        steps: The matrices on the way from the inputs to the output.
        working: Their columns.
        labels: The row of the labels of columns; the first sample stands below it.
        count: How many samples have a row.
    """

    how: Decision | None
    inputs: Axis
    outputs: Axis
    classes: tuple[str, ...]
    two: tuple[str, ...]
    raw: int
    output: int
    decided: int
    target: int
    wanted: int
    verdict: int
    last: int
    page: int
    hit: int
    steps: tuple[Matrix, ...]
    working: Mapping[str, int]
    labels: int
    count: int

    @property
    def first_row(self) -> int:
        """The row of the first sample."""
        return self.labels + 1

    def band(self, forward: Forward, row: int) -> Band:
        """Return the way forward for samples whose rows begin at a row, in the table's columns."""
        ends = {forward.input.name: self.raw, forward.output.name: self.output}
        return band(forward, row, {**ends, **self.working})


@dataclass(frozen=True)
class Predicted:
    """What the trained network says of the samples, and where that stands.

    Attributes:
        trained: The network's parameters.
        table: Which columns and rows there are.
        samples: The samples that have a row, on their way through the network.
        values: The value of each matrix on that way by name, of its shape (rows, columns).
    """

    trained: Trained
    table: SampleTable
    samples: Band
    values: Mapping[str, Array]

    @property
    def outputs(self) -> Array:
        """The network's outputs, of shape (samples, outputs)."""
        return self.values[self.samples.forward.output.name]


def predicted(run: Run, trained: Trained) -> Predicted:
    """Return the table of the walked update's samples, and the network's numbers for them."""
    table = _table(run, trained)
    forward, samples = run.program.forward, run.program.samples
    if table.count < samples.size:
        forward = run.model.forward(Axis(samples.name, samples.labels[: table.count]))
    rows = table.band(forward, table.first_row)
    raw = run.values[forward.input.name][: table.count]
    return Predicted(trained, table, rows, rows.values(raw, known(run, trained)))


def _table(run: Run, trained: Trained) -> SampleTable:
    program, how = run.program, run.decision
    inputs, outputs = program.input.columns, program.output.columns
    output = FIRST_COLUMN + inputs.size
    decides = output + outputs.size
    target = decides + {None: 0, "each yes or no": outputs.size}.get(how, 1)
    wanted = target + outputs.size
    two = _two(how, outputs)
    verdict = wanted + (how == "one of several" or bool(two))
    last = verdict + (0 if how else outputs.size - 1)
    page = max(last, trained.last_column, NARROWEST)
    hit = page + 2
    steps = program.forward.by_sample[:-1]
    working = one_after_another(steps, hit + (how is not None))
    most = max(1, MOST_CELLS // (last + working[""] - hit))
    return SampleTable(
        how,
        inputs,
        outputs,
        classes=tuple(
            cut(label, LONGEST_LABEL) or str(j) for j, label in enumerate(outputs.labels, 1)
        ),
        two=two,
        raw=FIRST_COLUMN,
        output=output,
        decided=decides,
        target=target,
        wanted=wanted,
        verdict=verdict,
        last=last,
        page=page,
        hit=hit,
        steps=steps,
        working=working,
        labels=trained.last_row + 4,
        count=min(program.samples.size, MOST_SAMPLES, most),
    )


def _two(how: Decision | None, outputs: Axis) -> tuple[str, ...]:
    """Return the names of the classes that a single output's 0 and 1 stand for; none where they
    can't be told apart.
    """
    if how != "yes or no" or not outputs.zero:
        return ()
    zero, one = (cut(name, WIDEST) for name in (outputs.zero, *outputs.labels))
    return (zero, one) if zero != one else ()
