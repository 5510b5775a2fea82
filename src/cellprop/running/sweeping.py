"""Many trainings side by side: sizes, activations, learning rates, update rules, first weights.

Each is a trial: a model, its samples, and options of training. They are tried on all cores, and
what is kept of each is how it ended. Knows trainings; knows nothing of words or faces.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from cellprop.errors import CellpropError, InputError
from cellprop.files.safe import known
from cellprop.limits import MOST_TRIALS, check_count
from cellprop.programs.building import Written
from cellprop.programs.network import Network
from cellprop.running import problem, written
from cellprop.running.options import Options, whole_number
from cellprop.running.processes import in_processes, on_backend
from cellprop.running.run import Run
from cellprop.running.training import Progress

if TYPE_CHECKING:
    import pandas as pd

# By how much longer a measured training must take than one of an epoch, in seconds, so that the
# difference tells how long an epoch takes.
TELLING = 0.02
# Between the sizes of several hidden layers, or their activations.
AND = "+"


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        model: A network, or a program.
        X, y: Its samples, as `cellprop.trace` takes them.
        options: Of `cellprop.trace` besides: the seed among them.
        parameters: First parameters that the seed does not draw.
    """

    model: Network | Written
    X: Any
    y: Any
    options: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def run(self, **changes: Any) -> Run:
        """Train, and return the run."""
        options = Options(**{**self.options, **changes})
        start: Any = written.run if isinstance(self.model, Written) else problem.run
        run: Run = start(self.model, self.X, self.y, self.parameters, options)
        return run

    @property
    def varied(self) -> dict[str, Any]:
        """What tells it from others, by the names of the columns of their table."""
        usual = Options(**{name: self.options[name] for name in VARIED if name in self.options})
        found: dict[str, Any] = {}
        if isinstance(self.model, Network):
            layers = self.model.hidden
            found["hidden"] = AND.join(str(layer.size) for layer in layers) or "0"
            names = [layer.activation for layer in layers]
            found["activation"] = AND.join(names if len(set(names)) > 1 else names[:1])
        return found | {name: getattr(usual, name) for name in VARIED}

    @property
    def work(self) -> int:
        """About how many products an epoch takes, beside others."""
        sizes = self.model.sizes if isinstance(self.model, Network) else (1, 1)
        return sum(a * b for a, b in itertools.pairwise(sizes))


VARIED = ("learning_rate", "optimizer", "seed")
# What else of training can be told, alike for all.
TOLD = ("epochs", "batch_size", "shuffle", "settings", "average", "scale")


def sweep(
    network: Network | Written,
    X: Any = None,
    y: Any = None,
    *,
    hidden: Any = None,
    activation: Any = None,
    learning_rate: Any = 0.1,
    optimizer: Any = "sgd",
    seeds: int = 5,
    seed: int = 0,
    jobs: int = -1,
    backend: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Train a network again and again, each time otherwise, and return how each training ended.

    Parameters
    ----------
    network, X, y
        As `cellprop.trace` takes them.
    hidden
        Neurons of the hidden layer, several of them to be tried: `[1, 2, 3]`; of several layers
        `[(4, 3), (8, 8)]`. By default the network's own.
    activation
        Of the hidden layers, one or several to be tried; by default the network's own.
    learning_rate, optimizer
        One or several to be tried.
    seeds, seed
        How many times to draw the first weights: from the seeds `seed`, `seed` + 1, ….
    jobs
        How many processes; -1: one for each core.
    backend
        Which of joblib's backends: `loky`, `threading`, `dask`, `ray`. By default the one that
        `joblib.parallel_config` says.
    progress
        Called now and then with the number of trainings done and the number wanted.
    **options
        Of `cellprop.trace` besides: `epochs`, `batch_size`, `average`, `scale`, ….

    Returns
    -------
    DataFrame
        A row for each training: what was tried, `loss` and `accuracy` after the last epoch, how
        many `epochs` went well, and in `stopped` why there were not more. A training that diverged
        at once has no loss (NaN); where targets are no classes there is no accuracy.

    Raises
    ------
    InputError
        If a value can't be used, or there is no such option or backend.

    Examples
    --------
    >>> from cellprop import Network
    >>> found = sweep(Network([2, 2, 1]), [[0, 1], [1, 1]], [1, 0], hidden=[1, 3], seeds=2, jobs=1)
    >>> found[["hidden", "seed"]].values.tolist()
    [['1', 0], ['1', 1], ['3', 0], ['3', 1]]
    """
    grid = itertools.product(
        _networks(network, hidden, activation), _several(learning_rate), _several(optimizer),
        range(whole_number("seed", seed, 0), seed + whole_number("seeds", seeds, 1)),
    )  # fmt: skip
    for name in options:
        known("option", name, TOLD)
    trials = [
        Trial(model, X, y, {**options, "learning_rate": rate, "optimizer": rule, "seed": first})
        for model, rate, rule, first in grid
    ]
    check_trials(trials)
    return tried(trials, jobs=jobs, backend=backend, progress=progress)


def tried(
    trials: Sequence[Trial],
    *,
    jobs: int = -1,
    backend: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return how trials end that were checked, as a table with a row for each: see `sweep`."""
    import pandas as pd

    rows = []
    # What is left undone ends with the generator, as when Ctrl+C is pressed.
    with on_backend(backend), closing(in_processes(jobs, ended, trials)) as found:
        for done, row in enumerate(found, 1):
            rows.append(row)
            if progress:
                progress(done, len(trials))
    return pd.DataFrame(rows)


def check_trials(trials: Sequence[Trial]) -> None:
    """Refuse trials that can't be begun: each of another kind is tried without training.

    Raises
    ------
    CellpropError
        If there are too many, or one has a value that can't be used.
    """
    check_count("sweep", "trainings", len(trials), MOST_TRIALS, "give fewer values or seeds")
    for trial in {_kind(trial): trial for trial in reversed(trials)}.values():
        Options(**trial.options).numbers()
        # Without moving, so that what would diverge is let through.
        trial.run(epochs=0, learning_rate=0.0)


def _kind(trial: Trial) -> tuple[Any, ...]:
    return tuple(value for name, value in trial.varied.items() if name != "seed")


def ended(trial: Trial) -> dict[str, Any]:
    """Return how a trial ends, as a row of a table."""
    try:
        run = trial.run()
    except CellpropError as error:
        # What could be refused was refused before: it diverged in its first epoch.
        return {**trial.varied, "loss": np.nan, "accuracy": np.nan, "epochs": 0,
                "stopped": str(error)}  # fmt: skip
    accuracy = np.nan if run.accuracies is None else float(run.accuracies[-1])
    return {**trial.varied, "loss": float(run.losses[-1]), "accuracy": accuracy,
            "epochs": run.epochs, "stopped": run.stopped}  # fmt: skip


# --- How long -----------------------------------------------------------------------------


def seconds_for(trials: Sequence[Trial], jobs: int = -1) -> float:
    """Return about how many seconds trials take on so many cores: the smallest and the largest are
    measured, each for as many epochs as it takes to tell.
    """
    by_work = sorted(trials, key=lambda trial: trial.work)
    small, large = by_work[0], by_work[-1]
    least = _per_epoch(small)
    most = _per_epoch(large) if large.work > small.work else least
    steep = max(most - least, 0.0) / max(large.work - small.work, 1)
    total = sum(
        (least + steep * (trial.work - small.work)) * Options(**trial.options).epochs
        for trial in trials
    )
    cores = os.cpu_count() or 1
    return total / min(len(trials), cores if jobs < 0 else min(jobs, cores))


def _per_epoch(trial: Trial) -> float:
    """Return about how many seconds an epoch takes, without what is done once."""
    wanted = Options(**trial.options).epochs
    first = _seconds(partial(trial.run, epochs=min(wanted, 1)))
    epochs = 8
    while True:
        epochs = min(epochs, wanted)
        longer = _seconds(partial(trial.run, epochs=epochs)) - first
        if longer > TELLING or epochs == wanted:
            return max(longer, 0.0) / max(epochs - 1, 1)
        epochs *= 8


def _seconds(do: Callable[[], object]) -> float:
    start = perf_counter()
    with suppress(CellpropError):  # it diverges, and is soon done
        do()
    return perf_counter() - start


# --- What is tried ------------------------------------------------------------------------


def _networks(
    model: Network | Written, hidden: Any, activation: Any
) -> Iterator[Network | Written]:
    """Yield the models to be tried."""
    if not isinstance(model, Network):
        if not isinstance(model, Written):
            raise InputError(
                "network: expected a Network, or a program that `cellprop.program` decorates, found"
                f" {type(model).__name__}."
            )
        for name, value in (("hidden", hidden), ("activation", activation)):
            if value is not None:
                raise InputError(f"{name} is of a network; a program says itself what it is.")
        yield model
        return
    first, *layers, last = model.sizes
    for sizes in [tuple(layers)] if hidden is None else _several(hidden):
        own = sizes if isinstance(sizes, Sequence) else (sizes,) if sizes else ()
        for applies in [None] if activation is None else _several(activation):
            used = model.activation if applies is None else applies
            if not isinstance(used, str) and len(set(used)) == 1:
                used = used[0]  # of however many layers
            yield replace(model, sizes=(first, *own, last), activation=used)


def _several(values: Any) -> Sequence[Any]:
    """Return several values, where there may be one."""
    is_one = isinstance(values, str) or not isinstance(values, Iterable)
    found = [values] if is_one else list(values)
    if not found:
        raise InputError("sweep: expected a value or several to try, found none.")
    return found
