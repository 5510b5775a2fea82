"""A made-up class of 60 on the article's exercise, with the mark of a fair teacher for each.

82 numbers, a mark each. 30 are honest, 30 are odd: they guess, copy, or calculate strangely. The
fair mark is by hand, with the reason in a few words; it follows four rules that teachers would say:
a slip is paid for where it is made and not again; a habit of form costs a mark a step; blank earns
nothing; what was not calculated earns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from made_up import MADE, UNKNOWN, Exercise, Matrices, walk


@dataclass(frozen=True)
class Sat:
    """Somebody who sat the exercise: what they did, what they typed, and what is fair."""

    name: str
    typed: Callable[[Exercise], Matrices]
    fair: float
    why: str


SLIPS = {made.name: made for made in (*MADE, *UNKNOWN)}
STEP_10_11 = ("wout_new", "wh_new", "bout_new", "bh_new")


def slips(*at: tuple[str, str], rounding: int | None = 3) -> Callable[[Exercise], Matrices]:
    return lambda ex: walk(ex, {name: SLIPS[slip].do for name, slip in at}, rounding)


def perfect(rounding: int | None = 3) -> Callable[[Exercise], Matrices]:
    return lambda ex: walk(ex, rounding=rounding)


def changed(change: Callable[[Exercise, Matrices], None]) -> Callable[[Exercise], Matrices]:
    """Who types what is right, but for a change made afterwards."""

    def typed(ex: Exercise) -> Matrices:
        found = {name: np.array(values) for name, values in walk(ex, rounding=3).items()}
        change(ex, found)
        return found

    return typed


def blank(*names: str) -> Callable[[Exercise], Matrices]:
    def change(ex, typed):
        for name in names or typed:
            typed[name][:] = np.nan

    return changed(change)


def going_on(name: str, by: Callable[[np.ndarray], np.ndarray]) -> Callable[[Exercise], Matrices]:
    """Who gets one matrix wrong in a way of their own, and goes on from there."""
    return lambda ex: walk(ex, {name: lambda ex, line, own, right: by(np.array(right))}, 3)


def one_cell(values: np.ndarray) -> np.ndarray:
    values[-1, -1] += 0.3
    return values


def two_signs(values: np.ndarray) -> np.ndarray:
    values[0] *= -1
    return values


def swapped(values: np.ndarray) -> np.ndarray:
    return values[[1, 0, 2]]


def half_of_cells(ex: Exercise, typed: Matrices) -> None:
    chance = np.random.default_rng(60)
    for values in typed.values():
        values[chance.random(values.shape) < 0.5] = np.nan


HALF_BLANK = 43  # as they are drawn

HONEST = [
    Sat("all right", perfect(), 82, "all right"),
    Sat("formulas throughout", perfect(None), 82, "all right"),
    Sat("5 decimals throughout", perfect(5), 82, "more exact than asked"),
    Sat(
        "rounded at the end only",
        lambda ex: {n: np.round(v, 3) for n, v in walk(ex).items()},
        82,
        "went on from unrounded numbers",
    ),
    Sat("bias forgotten in step 2", slips(("hidden_layer_input", "bias forgotten")), 73, "9 wrong"),
    Sat("bias forgotten in step 4", slips(("output_layer_input", "bias forgotten")), 79, "3 wrong"),
    Sat(
        "both biases forgotten",
        slips(("hidden_layer_input", "bias forgotten"), ("output_layer_input", "bias forgotten")),
        70,
        "12 wrong, all else follows",
    ),
    Sat(
        "bias subtracted in step 2",
        slips(("hidden_layer_input", "bias subtracted")),
        73,
        "9 wrong",
    ),
    Sat(
        "e to the x",
        slips(("hiddenlayer_activations", "exponent without its minus")),
        73,
        "9 wrong",
    ),
    Sat(
        "e to the x, both times",
        slips(
            ("hiddenlayer_activations", "exponent without its minus"),
            ("output", "exponent without its minus"),
        ),
        70,
        "12 wrong",
    ),
    Sat("tanh for sigmoid", slips(("hiddenlayer_activations", "tanh applied")), 73, "9 wrong"),
    Sat("parentheses forgotten", slips(("output", "parentheses forgotten")), 79, "3 wrong"),
    Sat("output − y", slips(("E", "output − y")), 79, "3 wrong, signs follow"),
    Sat("derivative doubled", slips(("E", "derivative doubled")), 79, "3 wrong"),
    Sat("square not halved", slips(("squared_error", "square not halved")), 79, "3 wrong"),
    Sat(
        "slopes at the input",
        slips(
            ("slope_output_layer", "slope at the input"),
            ("slope_hidden_layer", "slope at the input"),
        ),
        70,
        "12 wrong",
    ),
    Sat(
        "sigmoid again in the slopes",
        slips(
            ("slope_output_layer", "sigmoid applied again in the slope"),
            ("slope_hidden_layer", "sigmoid applied again in the slope"),
        ),
        70,
        "12 wrong",
    ),
    Sat("1 − h forgotten", slips(("slope_hidden_layer", "1 − h forgotten")), 73, "9 wrong"),
    Sat("slope forgotten in step 7", slips(("d_output", "slope forgotten")), 79, "3 wrong"),
    Sat("slope forgotten in step 9", slips(("d_hiddenlayer", "slope forgotten")), 73, "9 wrong"),
    Sat(
        "E passed back",
        slips(("Error_at_hidden_layer", "errors passed back, not deltas")),
        73,
        "9 wrong",
    ),
    Sat("only the changes", slips(("wh_new", "only the change")), 70, "12 wrong"),
    Sat(
        "only the changes, all of them",
        slips(*((name, "only the change") for name in STEP_10_11)),
        63,
        "19 wrong, only these",
    ),
    Sat("one number wrong in step 2", going_on("hidden_layer_input", one_cell), 81, "1 wrong"),
    Sat("one number wrong in step 4", going_on("output", one_cell), 81, "1 wrong"),
    Sat("two rows mixed up in step 3", going_on("hiddenlayer_activations", swapped), 76, "6 wrong"),
    Sat("stopped after step 9", blank(*STEP_10_11), 63, "19 blank"),
    Sat("left out step 6", blank("slope_output_layer", "slope_hidden_layer"), 70, "12 blank"),
    Sat("half of the cells", changed(half_of_cells), 82 - HALF_BLANK, "the others are right"),
    Sat("handed in a blank sheet", blank(), 0, "all blank"),
]


# --- Odd ones -------------------------------------------------------------------------------


def everywhere(number: float) -> Callable[[Exercise], Matrices]:
    return lambda ex: {name: np.full(shape, number) for name, shape in ex.shapes.items()}


def by_chance(low: float, high: float, decimals: int = 3) -> Callable[[Exercise], Matrices]:
    def typed(ex: Exercise) -> Matrices:
        chance = np.random.default_rng(7)
        return {n: chance.uniform(low, high, s).round(decimals) for n, s in ex.shapes.items()}

    return typed


def means(ex: Exercise) -> Matrices:
    return {n: np.full(v.shape, v.mean().round(3)) for n, v in walk(ex).items()}


def not_updated(ex: Exercise, typed: Matrices) -> None:
    for name in STEP_10_11:
        typed[name] = ex.given[name.removesuffix("_new")] + 0.0


def nothing_but_old(ex: Exercise) -> Matrices:
    found = everywhere(np.nan)(ex)
    not_updated(ex, found)
    return found


def zeros_after(name: str) -> Callable[[Exercise], Matrices]:
    def change(ex, typed):
        names = list(typed)
        for later in names[names.index(name) :]:
            typed[later][:] = 0.0

    return changed(change)


def saturated(ex: Exercise) -> Matrices:
    """±1000 into the hidden neurons; from there on what follows, which is 0 or 1 or a copy."""
    chance = np.random.default_rng(3)
    return walk(
        ex,
        {"hidden_layer_input": lambda *_: chance.choice([-1000.0, 1000.0], (3, 3))},
        3,
    )


def zeros_first(ex: Exercise) -> Matrices:
    return walk(ex, {"hidden_layer_input": lambda ex, line, own, right: right * 0}, 3)


def neighbours(ex: Exercise) -> Matrices:
    """A neighbour's numbers, who has other weights."""
    given = {n: v if n in ("X", "y", "lr") else (v + 0.37) % 1 for n, v in ex.given.items()}
    other = Exercise(
        ex.layers, ex.bias, ex.loss, ex.optimizer, ex.average, ex.scale, given, ex.shapes,
        ex.decimals,
    )  # fmt: skip
    return walk(other, rounding=3)


def habit(do: Callable[[np.ndarray], np.ndarray], *names: str) -> Callable[[Exercise], Matrices]:
    def doing(ex, line, own, right):
        return do(right) if not names or line.name in names else None

    return lambda ex: walk(ex, rounding=None, habit=doing)


def targets(ex: Exercise) -> Matrices:
    return walk(ex, {"output": lambda ex, line, own, right: own["y"]}, 3)


def jumbled(ex: Exercise, typed: Matrices) -> None:
    """Every matrix with its own numbers in another order."""
    chance = np.random.default_rng(11)
    for name, values in typed.items():
        typed[name] = chance.permutation(values.ravel()).reshape(values.shape)


def column_1_only(ex: Exercise, typed: Matrices) -> None:
    for values in typed.values():
        values[:, 1:] = values[:, :1]


def everything_negative(ex: Exercise, typed: Matrices) -> None:
    for name in typed:
        typed[name] = -typed[name]


def huge_in_one_cell(values: np.ndarray) -> np.ndarray:
    values[0, 0] = 1e25
    return values


ODD = [
    Sat("0 everywhere", everywhere(0.0), 0, "nothing calculated"),
    Sat("1 everywhere", everywhere(1.0), 0, "nothing calculated"),
    Sat("0.5 everywhere", everywhere(0.5), 0, "nothing calculated"),
    Sat("999 everywhere", everywhere(999.0), 0, "nothing calculated"),
    Sat("1e25 everywhere", everywhere(1e25), 0, "nothing calculated"),
    Sat("the mean of each matrix", means, 1, "the one number of bout is its mean"),
    Sat("numbers by chance", by_chance(-1, 1), 0, "nothing calculated"),
    Sat("likely numbers by chance", by_chance(0, 1), 0, "nothing calculated"),
    Sat("whole numbers by chance", by_chance(-5, 5, 0), 0, "nothing calculated"),
    Sat("only the old weights", nothing_but_old, 0, "copied, not calculated"),
    Sat("old weights as new ones", changed(not_updated), 63, "19 copied, not calculated"),
    Sat("0 from step 5 on", zeros_after("E"), 24, "steps 2 to 4 right, then nothing calculated"),
    Sat("0 from step 8 on", zeros_after("Error_at_hidden_layer"), 45, "steps 2 to 7 right"),
    Sat(
        "±1000 in step 2, then formulas",
        saturated,
        31,
        "steps 4, 5, 7, 8, a slope, wout, bout; else 0, 1, old",
    ),
    Sat(
        "0 in step 2, then formulas",
        zeros_first,
        46,
        "36 are one number throughout; E tells samples apart",
    ),
    Sat(
        "a neighbour's numbers",
        neighbours,
        42,
        "40 read the weights and are wrong; the rest follows",
    ),
    Sat(
        "the targets as output, then formulas",
        targets,
        30,
        "steps 2, 3, O_in, hidden slopes; then 0 or old",
    ),
    Sat(
        "2 decimals throughout",
        lambda ex: walk(ex, rounding=2),
        53,
        "a mark a step; 7 numbers and 15 updates vanished",
    ),
    Sat(
        "1 decimal throughout",
        lambda ex: walk(ex, rounding=1),
        55,
        "a mark a step; 19 numbers have become 0",
    ),
    Sat(
        "cut off throughout",
        habit(lambda v: np.trunc(v * 1000) / 1000),
        72,
        "form: a mark in each of 10 steps",
    ),
    Sat(
        "percent in step 3",
        habit(lambda v: v * 100, "hiddenlayer_activations"),
        81,
        "form: a mark in one step",
    ),
    Sat(
        "decimal point misplaced in steps 5 and 7",
        habit(lambda v: v * 10, "E", "d_output"),
        80,
        "form: a mark in each of two steps",
    ),
    Sat(
        "all signs wrong",
        changed(everything_negative),
        9,
        "only step 8 follows from what was typed",
    ),
    Sat(
        "numbers in another order",
        changed(jumbled),
        26,
        "18 stand where they belong, 8 follow by luck",
    ),
    Sat(
        "first column copied into the others",
        changed(column_1_only),
        60,
        "22 in steps 2, 8, 10, 11; the rest follows",
    ),
    Sat("step 3 typed transposed", slips(("hiddenlayer_activations", "typed transposed")), 76, "6"),
    Sat("1e25 in one cell", going_on("hidden_layer_input", huge_in_one_cell), 81, "1 wrong"),
    Sat(
        "chance in step 2, then right from there",
        slips(("hidden_layer_input", "a matrix of chance")),
        73,
        "9 wrong, all else calculated",
    ),
    Sat(
        "a sum for a product in step 9",
        slips(("d_hiddenlayer", "adds up what should be multiplied")),
        73,
        "9 wrong",
    ),
    Sat(
        "a row of signs wrong in step 8",
        going_on("Error_at_hidden_layer", two_signs),
        79,
        "3 wrong",
    ),
]

CLASS = [*HONEST, *ODD]
