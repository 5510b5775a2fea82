"""How to earn marks without calculating, as far as one can think of ways.

Each way is a set of matrices to choose from for each matrix of an exercise. The best choice is
looked for by coordinate ascent: one matrix after the other is tried with everything there is for
it, from several starting points, until nothing gets better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

import cellprop
from cellprop.marking.marks import Marks, mark
from cellprop.marking.question import Question, ask
from made_up import Exercise, Matrices, answers, notebook, right
from test_slips import network

USUAL = (0.0, 1.0, -1.0, 0.5, 0.25, 2.0, -2.0, 0.1, -0.1, 0.001, 1000.0, -1000.0, 1e25)

# The matrices to choose from for one matrix, given what is typed in the others.
Choices = Callable[[str, Matrices], Iterable[np.ndarray]]


class Cheat:
    """Somebody with an exercise who wants marks for nothing; they may know the right numbers."""

    def __init__(self, question: Question, grid: Sequence[float] = USUAL) -> None:
        self.question, self.ex, self.grid = question, Exercise.of(question), grid
        self.true = {name: question.values[name] for name in self.ex.shapes}
        self.lines = {line.name: line for line in self.ex.lines}
        self.chance = np.random.default_rng(9)

    # --- What is typed

    def constant(self, number: float) -> Matrices:
        return {name: np.full(shape, number) for name, shape in self.ex.shapes.items()}

    def means(self) -> Matrices:
        decimals = self.ex.decimals
        return {n: np.full(v.shape, v.mean().round(decimals)) for n, v in self.true.items()}

    def often(self) -> Matrices:
        return {n: np.full(v.shape, self.commonest(v, 1)[0]) for n, v in self.true.items()}

    def commonest(self, values: np.ndarray, most: int) -> list[float]:
        rounded = np.round(values, self.ex.decimals).ravel().tolist()
        return [number for number, _ in Counter(rounded).most_common(most)]

    def following(self, name: str, typed: Matrices) -> np.ndarray:
        """What a matrix should be after what is typed; it takes calculating to know it."""
        with np.errstate(all="ignore"):
            found = right(self.ex, self.lines[name], notebook(self.ex, typed, name))
            found = np.broadcast_to(found, self.ex.shapes[name])
            return np.round(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0), self.ex.decimals)

    def led(self, plan: Mapping[str, float]) -> Matrices:
        """One number throughout each matrix: that of the plan, else what follows most often."""
        typed: Matrices = {}
        for name, shape in self.ex.shapes.items():
            if name in plan:
                number = plan[name]
            else:
                number = self.commonest(self.following(name, typed), 1)[0]
            typed[name] = np.full(shape, number)
        return typed

    # --- What to choose from

    def numbers(self, name: str, typed: Matrices) -> list[float]:
        """Numbers worth typing: a grid, those that occur most often, and what follows somewhere."""
        likely = [*self.commonest(self.true[name], 4), self.true[name].mean()]
        own = self.commonest(self.following(name, typed), 2)
        return list(dict.fromkeys([*self.grid, *np.round(likely, self.ex.decimals), *own]))

    def constants(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        for number in self.numbers(name, typed):
            yield np.full(self.ex.shapes[name], number)

    # From here on nothing is typed that it takes the right numbers, or calculating, to know.

    @cached_property
    def at_hand(self) -> list[float]:
        """The grid, and a few numbers that are given."""
        given = np.hstack([values.ravel() for values in self.ex.given.values()])
        return list(dict.fromkeys([*self.grid, *np.unique(given)[:: max(1, given.size // 8)]]))

    def near_constants(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        """One number throughout, but for one cell."""
        shape = self.ex.shapes[name]
        for number in self.at_hand:
            found = np.full(shape, number)
            place = tuple(self.chance.integers(0, shape))
            found[place] = self.chance.choice([0.001, 1.0, number + 0.001, 7.0])
            yield found

    def by_row(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        yield from self._along(name, 0)

    def by_column(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        yield from self._along(name, 1)

    def _along(self, name: str, axis: int) -> Iterator[np.ndarray]:
        shape = self.ex.shapes[name]
        for _ in self.at_hand:
            line = self.chance.choice(self.at_hand, shape[axis])
            yield np.broadcast_to(line[:, np.newaxis] if axis == 0 else line, shape) + 0.0

    def two_values(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        """Two numbers in a random pattern."""
        for _ in self.at_hand:
            yield self.chance.choice(self.chance.choice(self.at_hand, 2), self.ex.shapes[name])

    def saturating(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        """What goes into neurons is so large that their numbers are 0 or 1, and nothing is left to
        calculate."""
        if self.lines[name].role != "entered":
            yield from self.plain(name, typed)
            return
        for size in (1000.0, 30.0):
            for _ in range(6):
                yield self.chance.choice([-size, size], self.ex.shapes[name])

    def plain(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        """0, 1, or what is there already."""
        yield from (np.full(self.ex.shapes[name], number) for number in (0.0, 1.0))
        yield from self.copies(name, typed)

    def copies(self, name: str, typed: Matrices) -> Iterator[np.ndarray]:
        """Every matrix that is given or typed already, as it is, transposed, or repeated."""
        earlier = list(typed)[: list(typed).index(name)]
        for matrix in [*self.ex.given.values(), *(typed[n] for n in earlier)]:
            yield from self.fitted(matrix, name)

    def fitted(self, matrix: np.ndarray, name: str) -> Iterator[np.ndarray]:
        """A matrix in the place of another, where it fits."""
        shape = self.ex.shapes[name]
        for found in (matrix, matrix.T):
            fits = all(n in (1, m) for n, m in zip(found.shape, shape, strict=True))
            if fits and (found.size > 1 or shape == (1, 1)):
                yield np.broadcast_to(found, shape) + 0.0

    # --- The best of it

    def marks(self, typed: Matrices) -> Marks:
        return mark(self.question, answers(typed))

    def blindly(self, choices: Choices) -> Matrices:
        """One choice for each matrix, drawn by chance."""
        typed = self.constant(0.0)
        for name in typed:
            known = list(choices(name, typed))
            typed[name] = known[self.chance.integers(len(known))]
        return typed

    def climb(
        self, choices: Choices, start: Matrices, rounds: int = 3, enough: float = np.inf
    ) -> tuple[float, Matrices]:
        """The most marks that are found from a starting point, and what earns them; `enough`: with
        so many it stops."""
        typed, best = dict(start), self.marks(start).total
        for _ in range(rounds):
            before = best
            for name in self.ex.shapes:
                for choice in choices(name, typed):
                    total = self.marks(typed | {name: choice}).total
                    if total > best:
                        best, typed = total, typed | {name: choice}
                if best > enough:
                    return best, typed
            if best == before:
                break
        return best, typed

    def starts(self) -> list[Matrices]:
        return [
            self.means(),
            self.often(),
            self.constant(0.0),
            self.constant(1000.0),
            self.best_plan()[1],
        ]

    def best_plan(
        self, rounds: int = 3, numbers: Sequence[float] = (1000.0, -1000.0, 0.0)
    ) -> tuple[float, Matrices]:
        """The best single numbers where all that is not planned is what follows most often: so a
        number can be changed together with everything after it."""
        found = []
        for number in numbers:
            plan = {n: number for n in self.ex.shapes if self.lines[n].role == "entered"}
            best = self.marks(self.led(plan)).total
            for _ in range(rounds):
                before = best
                for name in self.ex.shapes:
                    for choice in (None, *self.grid, 1e12, 1e75):
                        rest = {n: v for n, v in plan.items() if n != name}
                        new = rest if choice is None else rest | {name: choice}
                        total = self.marks(self.led(new)).total
                        if total > best:
                            best, plan = total, new
                if best == before:
                    break
            found.append((best, self.led(plan)))
        return max(found, key=lambda each: each[0])

    def best(
        self, choices: Choices, starts: Sequence[Matrices] = (), rounds: int = 3
    ) -> tuple[float, Matrices]:
        """The most marks from several starting points."""
        found = [self.climb(choices, start, rounds) for start in starts or self.starts()]
        return max(found, key=lambda each: each[0])


def old_for_new(cheat: Cheat) -> tuple[Matrices, list[str]]:
    """The old weights and biases typed as the new ones, where they differ; all else right. With
    the names of what is copied."""
    typed = {name: np.round(values, cheat.ex.decimals) for name, values in cheat.true.items()}
    given, copied = cheat.ex.given, []
    for name, new in list(typed.items()):
        old = name.removesuffix("_new")
        if old in given and not np.array_equal(new, given[old]):
            typed[name] = given[old] + 0.0
            copied.append(name)
    return typed, copied


def targets_for_output(cheat: Cheat) -> tuple[Matrices, list[str]]:
    """The targets typed as the output, and then what follows: 0, or things as they were. With the
    names of what is got so, and not by calculating rightly."""
    decimals, names = cheat.ex.decimals, list(cheat.ex.shapes)
    typed = {name: np.round(cheat.true[name], decimals) for name in names}
    typed["output"] = cheat.ex.given["y"] + 0.0
    got, last_places = ["output"], 3 * 10.0**-decimals
    for name in names[names.index("output") + 1 :]:
        follows = cheat.following(name, {n: typed[n] for n in names[: names.index(name)]})
        if abs(follows - typed[name]).max() > last_places:
            typed[name] = follows
            got.append(name)
    return typed, got


# --- The exercises ----------------------------------------------------------------------------


def exercises() -> dict[str, Callable[[], Question]]:
    """The exercises to try them on; none has a matrix that is rightly one number throughout."""
    return {
        "article": lambda: ask(cellprop.article().update),
        "article, decimals chosen": lambda: ask(cellprop.article().update, decimals=None),
        "relu": lambda: ask(
            network(
                [2, 3, 2], activation="relu", output_activation="sigmoid", samples=3, seed=4
            ).update
        ),
        "two hidden layers": lambda: ask(
            network([2, 3, 2, 2], activation="tanh", samples=3).update
        ),
        "softmax": lambda: ask(network([2, 2, 3], loss="cross_entropy", samples=3, seed=3).update),
    }
