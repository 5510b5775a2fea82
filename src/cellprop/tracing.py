"""What users hold: a run whose matrices are labelled tables, with doors to what shows it.

Stands above everything that it opens: the faces know runs, and nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError, ShapeError, UnknownNameError
from cellprop.files import aligned, examples
from cellprop.files.safe import label
from cellprop.files.samples import table
from cellprop.limits import USUAL_IN_VIEW
from cellprop.programs.building import Sized, Written
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Step
from cellprop.running import loading, problem, written
from cellprop.running.options import Options
from cellprop.running.run import Run, Update
from cellprop.running.training import Progress
from cellprop.texts.captions import title
from cellprop.texts.words import load

if TYPE_CHECKING:
    from pathlib import Path

    import openpyxl
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Run):
    """Every matrix of one update, and the history of all epochs. Made by `trace` or `article`.

    `trace["d_output"]` is a labelled DataFrame; the other attributes are those of a `Run`.
    """

    @classmethod
    def of(cls, run: Run) -> Trace:
        """Return a run as users hold it."""
        return cls(**{each.name: getattr(run, each.name) for each in fields(run)})

    def __repr__(self) -> str:
        return (
            f"<Trace of {called(self.update)}, epoch {self.walk_epoch} of {self.epochs},"
            f" loss {self.losses[self.walk_epoch - 1]:.6g}: {', '.join(self.names)}>"
        )

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        words = load()
        return tuple(replace(step, title=title(words, step)) for step in self.program.steps)

    def step(self, number: float | str) -> Step:
        """Return the step of a number: 7; with several hidden layers also 2.1 or "2.1".

        Raises
        ------
        UnknownNameError
            A KeyError, if there is no such step.
        """
        for step in self.steps:
            if step.label == str(number):
                return step
        raise UnknownNameError(
            f"There is no step {label(number)}; there are steps {self.program.labels}."
        )

    def __getitem__(self, name: str) -> pd.DataFrame:
        matrix = self.matrix(name)
        return _frame(self.values[name], matrix.rows, matrix.columns)

    @property
    def history(self) -> pd.DataFrame:
        """The loss after each number of epochs, from 0 (before training).

        With the accuracy, if the targets are classes, and each parameter (`wh[1, 2]`), if `trace`
        was told to record them.
        """
        import pandas as pd

        columns = self.columns_of_history
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self.losses), name="epoch"))

    def predict(self, X: Any) -> pd.DataFrame:
        """Return the network's output for new samples, with the parameters after the last epoch.

        Parameters
        ----------
        X
            Samples as rows, of shape (any, inputs). The columns of a DataFrame are found by their
            names, in any order, if those of the trace had names; else, and in an array, by place.

        Raises
        ------
        InputError
            If the columns have other names.
        ShapeError
            If the samples have another number of inputs than the network.
        """
        if isinstance(self.model, Sized):
            return self._predicted(X)
        assert isinstance(self.model, Perceptron)
        inputs = self.program.input.columns
        new = aligned.columns("X", table("X", X), inputs.labels, named=self.named)
        is_list = isinstance(X, list | tuple) and not any(map(np.iterable, X))
        if (is_list or getattr(X, "ndim", 2) == 1) and len(inputs.labels) > 1:
            raise ShapeError(
                f"X: expected samples as rows of {len(inputs.labels)} numbers, found numbers that"
                " are in no rows; for one sample write [[…]], with a DataFrame df.iloc[[0]]."
            )
        columns = (
            inputs if len(inputs.labels) == new.values.shape[1] else new.columns("inputs", "x")
        )
        forward = replace(self.model, inputs=columns).forward(new.rows("samples"))
        values = self.predicted(forward, new.values)
        return _frame(values, forward.output.rows, forward.output.columns)

    def _predicted(self, X: Any) -> pd.DataFrame:
        """Return what a program computes of other data: its output, or all of them side by side,
        each under its name.
        """
        import pandas as pd

        found = {
            name: _frame(values, matrix.rows, matrix.columns)
            for name, (matrix, values) in written.outputs_of(self, X).items()
        }
        first, *others = found.values()
        return pd.concat(found, axis=1) if others else first

    def code(self, language: str = "python") -> str:
        """Return a script of the walked update that anybody can run: it begins with its first
        numbers and prints every matrix, under its name, with 17 significant digits.

        Parameters
        ----------
        language
            `python`: with NumPy, step by step. `r`: the same in R. `pytorch`: the way forward; what
            autograd finds going back stands under the names of the steps.

        Raises
        ------
        InputError
            If there is no such language.

        Examples
        --------
        >>> [line for line in article().code().splitlines() if line.startswith("d_output")]
        ['d_output = E * slope_output_layer']
        >>> [line for line in article().code("pytorch").splitlines() if line.startswith("d_output")]
        ['d_output = -output_layer_input.grad']
        """
        from cellprop.faces.code import script

        return script(self, language)

    def to_workbook(self) -> openpyxl.Workbook:
        """Return the workbook for whoever wants to go on with openpyxl.

        It holds formulas. openpyxl saves formulas without their values: to keep the values in the
        file, use `to_excel`.
        """
        from cellprop.faces.workbook import to_openpyxl

        return to_openpyxl(self)

    def to_excel(
        self,
        path: str | Path,
        *,
        layout: str = "auto",
        rows: int = USUAL_IN_VIEW,
        neurons: Iterable[int] | None = None,
    ) -> Path:
        """Write the workbook, with formulas and their values, and return its path.

        Parameters
        ----------
        path
            Where to write.
        layout
            `flip-book`: every matrix at the same cells on every sheet; `close-up`: what a step
            reads and computes, as its formula; `auto`: the first where it fits a screen and a page.
        rows
            How many rows, and columns, of many are in view in close-up; the others are folded.
        neurons
            Which hidden neurons are shown, from 1, in a network with one hidden layer; what all the
            others contribute stands there as one sum. Without the sheets after the steps.

        Raises
        ------
        InputError
            If there is no such layout or neuron, or `rows` is out of range.
        OutputError
            If the file can't be written; an earlier file is left whole.
        LimitError
            If the network or the samples exceed what a spreadsheet can hold.
        """
        from cellprop.faces.workbook import write

        return write(self, path, layout=layout, rows=rows, neurons=neurons)


def article() -> Trace:
    """Return the article's example, walked through its first epoch.

    Examples
    --------
    >>> article()["output"].round(8).values.tolist()
    [[0.78932406], [0.79806432], [0.78933532]]
    """
    return example("article")


def example(name: str, **changes: Any) -> Trace:
    """Return a trace of an example that ships with the package.

    Parameters
    ----------
    name
        `article`, `notebook`, `moons`, `blobs`, `xor` or `iris`, or a program such as `rnn`;
        `cellprop examples` says which there are.
    **changes
        Options of `trace` that are to differ from the example's.

    Raises
    ------
    InputError
        If there is no such example, or `trace` can't use an option.

    Examples
    --------
    >>> example("xor").predict([[0, 1]]).round(2).values.tolist()
    [[0.99]]
    """
    made = loading.program_named(name)
    if made is not None:
        return trace(made.written, made.X, made.y, **{**made.options, **changes})
    given = examples.example(name)
    usual = {"parameters": given.parameters, "seed": given.seed, **given.training}
    return trace(Network(**given.network), given.inputs, given.targets, **(usual | changes))


def trace(
    network: Network | Written,
    X: Any = None,
    y: Any = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int | None = None,
    learning_rate: float = 0.1,
    epochs: int = 1,
    walk_epoch: int = 1,
    batch_size: int | None = None,
    walk_batch: int = 1,
    shuffle: bool = False,
    optimizer: str = "sgd",
    settings: Mapping[str, float] | None = None,
    average: bool = False,
    scale: str | None = None,
    record: bool = False,
    progress: Progress | None = None,
    iterations: int = 1,
) -> Trace:
    """Train a network by gradient descent and keep every matrix of one update.

    Ctrl+C stops training after the last whole epoch; the trace is then of what was done.

    Parameters
    ----------
    network
        Its layers and loss; or a program: a function that `cellprop.program` decorates.
    X
        Samples as rows: an array, list or DataFrame of shape (samples, inputs). Columns with names
        are put in the order of `network.input_names`, if it has some.
        Of a program, what it takes by name: `{"x_1": …, "x_2": …}`; alone, if that is one table.
    y
        Targets, of shape (samples, outputs); a flat list is one output. One column of texts,
        truths or categories is one of classes: an output for each; of two classes also a single
        output, 1 for the second (of `no` and `yes`: for `yes`). With cross-entropy, whole numbers
        are classes too.
    parameters
        Any of the first parameters by name; those missing are drawn from `seed`. Also what an
        update rule remembers (`wh_velocity`, …), 0 where it is missing. The rows and columns of a
        DataFrame are found by the names of inputs and outputs.
    seed
        For `numpy.random.default_rng`; None draws differently each time.
    learning_rate
        How far each update moves; 0 or more.
    epochs
        How many times to go through all samples. 0 shows the first update, but goes no further:
        the parameters stay as they were given.
    walk_epoch, walk_batch
        Which update to keep whole, counted from 1.
    batch_size
        How many samples an update sees: 1 for one at a time, None for all.
    shuffle
        Whether the samples are dealt out anew for each epoch, from `seed`; else in order.
    optimizer
        The update rule: `sgd`, `momentum` or `adam`.
    settings
        The rule's own numbers: `{"momentum": 0.9}`; `{"beta_1": 0.9, "beta_2": 0.999,
        "epsilon": 1e-8}`.
    average
        Whether gradients are averaged over an update's samples; else summed, as in the article.
    scale
        How to scale the inputs first: `minmax` to 0 … 1, or `standard` to mean 0 and standard
        deviation 1, by all samples.
    record
        Whether to keep the parameters after every epoch, in `history`.
    progress
        Called now and then with the number of epochs done and the number wanted.
    iterations
        How many updates to show, from the walked one on, each from the one before: on a sheet of
        their own, and in `Trace.iterated`. Training goes as far as `epochs` says.

    Raises
    ------
    InputError
        If a number or table can't be used as given, or training diverges in the walked epoch or
        before. After it, training stops, and `Trace.stopped` says so.
    ShapeError
        If the samples do not fit the network.
    UnknownNameError
        If `parameters` or `settings` has a name that there is none of.

    Examples
    --------
    >>> run = trace(Network([2, 3, 1]), [[0, 1], [1, 1]], [1, 0], seed=7, epochs=100)
    >>> run["wh_new"].shape, len(run.history)
    ((2, 3), 101)
    """
    options = Options(
        seed=seed,
        learning_rate=learning_rate,
        epochs=epochs,
        walk_epoch=walk_epoch,
        batch_size=batch_size,
        walk_batch=walk_batch,
        shuffle=shuffle,
        optimizer=optimizer,
        settings=settings,
        average=average,
        scale=scale,
        record=record,
        progress=progress,
        iterations=iterations,
    )
    if not isinstance(network, Network | Written):
        raise InputError(
            "network: expected a Network, or a program that `cellprop.program` decorates, found"
            f" {type(network).__name__}."
        )
    if isinstance(network, Written):
        return Trace.of(written.run(network, X, y, parameters, options))
    return Trace.of(problem.run(network, X, y, parameters, options))


def called(update: Update) -> str:
    """Return what was trained, in a few words."""
    model = update.model
    return f"program {model.written.name}" if isinstance(model, Sized) else str(update.network)


def _frame(values: Array, rows: Axis, columns: Axis) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        values.copy(),
        index=pd.Index(rows.labels, name=rows.name),
        columns=pd.Index(columns.labels, name=columns.name),
    )
