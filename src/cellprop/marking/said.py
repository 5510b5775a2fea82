"""What is said of a comparison: first what to look at first, then the rest.

Plain text for a terminal or a notebook; the texts themselves stand in `templates/words.toml`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellprop.algebra import Array
from cellprop.errors import nearest
from cellprop.files.safe import label
from cellprop.marking.compared import (
    APPROXIMATE,
    ON,
    RIGHT,
    STATES,
    WRONG,
    Comparison,
    Differs,
    Taken,
    state,
)
from cellprop.marking.marks import Marked
from cellprop.marking.matching import Left
from cellprop.marking.variants import PLAIN, Factor
from cellprop.marking.verdicts import FULL
from cellprop.texts.formats import cut
from cellprop.texts.words import Words

# Of a large matrix, so much is shown around the number that is most wrong.
MOST_ROWS, MOST_COLUMNS = 6, 3
# Blocks stand side by side up to this width.
WIDEST = 100
LONGEST_LABEL = 12
# How many digits a number is shown with, at least and at most.
FEWEST_DIGITS, MOST_DIGITS = 4, 17
# A change smaller than this share of a number says nothing of how it was scaled, and a scale is the
# same up to this.
LEAST_CHANGE, SAME_SCALE = 1e-9, 1e-3
# Where there is no number.
NOTHING = "–"
# How many names a note lists.
MOST_NAMES = 20


def text(marks: Comparison, words: Words) -> str:
    """Return all there is to say of a comparison, as lines of plain text.

    Parameters
    ----------
    marks
        What was compared.
    words
        The texts.
    """
    with np.errstate(all="ignore"):  # somebody's numbers may be anything
        return "\n".join(_lines(marks, words))


def _lines(marks: Comparison, words: Words) -> list[str]:
    lines = [verdict(marks, words), *warnings(marks, words)]
    if marks.looks_rounded is not None:
        lines.append(words("compare.rounded", decimals=marks.looks_rounded))
    first = next((each for each in marks.matrices if state(each) == WRONG), None)
    if first is not None:
        lines += ["", *_first(marks, first, words)]
    lines += ["", *_table(marks, words)]
    said = list(notes(marks, words))
    if said:
        lines += ["", *said]
    return lines


def verdict(marks: Comparison, words: Words) -> str:
    """Return in a line how much is right, and how exactly it was compared."""
    counts = Counter(map(state, marks.matrices))
    decimals = marks.question.setup.decimals
    exact = words("compare.exactly")
    how = exact if marks.exact else words("compare.by_hand", decimals=decimals)
    right = counts[RIGHT] + counts[APPROXIMATE]
    said = [words("compare.verdict", right=right, all=len(marks.matrices), how=how)]
    if counts[APPROXIMATE]:
        said.append(words("compare.as_single", count=counts[APPROXIMATE]))
    if counts[ON]:
        said.append(words("compare.carried_on", count=counts[ON]))
    if right == len(marks.matrices):
        largest = max(each.largest for each in marks.matrices)
        said.append(words("compare.largest", largest=_short(largest)))
    return f"{'; '.join(said)}."


def _name(marks: Comparison, ours: str, words: Words) -> str:
    """Return the text that calls a matrix: by both names, where they differ."""
    theirs = label(marks.taken[ours].match.theirs)
    return ours if theirs == ours else words("compare.named", theirs=theirs, ours=ours)


def _short(number: float) -> str:
    return NOTHING if math.isnan(number) else f"{number:.2g}"


# --- The first that is wrong --------------------------------------------------------------


def _first(marks: Comparison, marked: Marked, words: Words) -> Iterator[str]:
    """Yield what is wrong with a matrix: the numbers, why, and what is still right after it."""
    wrong = int((~np.isin(marked.verdicts, FULL)).sum())
    name = _name(marks, marked.name, words)
    yield words("compare.first", name=name, step=marked.step, wrong=wrong, all=marked.verdicts.size)
    slip, scale = _slip(marked, words), _scale(marks, marked)
    if slip:
        yield words("compare.slip", slip=slip)
    elif scale:
        rate = marks.question.given[marks.question.program.rate.name].item()
        yield words("compare.scaled", scale=f"{scale:.6g}", rate=f"{scale * rate:.6g}")
    yield ""
    yield from _side_by_side(marks, marked, words)
    yield ""
    later = marks.matrices[marks.matrices.index(marked) + 1 :]
    for each in STATES:
        names = [_name(marks, m.name, words) for m in later if state(m) == each]
        if names:
            said = _state(marks, each, words)
            yield f"{words('compare.after')} {said}: {_listed(names)}"


def _slip(marked: Marked, words: Words) -> str:
    """Return the slip that explains most of a matrix, in words; empty if none explains any."""
    keys = Counter(key for row in marked.slips for key in row if key)
    if not keys:
        return ""
    slip = words(f"slips.{keys.most_common(1)[0][0]}")
    if marked.slipped_in:
        return words("compare.slip_in", slip=slip, matrix=marked.slipped_in)
    return slip


def _scale(marks: Comparison, marked: Marked) -> float:
    """Return the factor by which the change of an update is multiplied throughout; 0 for none."""
    old = marks.question.program.replaced_by(marks.ours[marked.name])
    if old is None:
        return 0.0
    before = marks.question.given[old.name]
    change, right = marked.answer.values - before, marked.expected - before
    moves = abs(right) > LEAST_CHANGE * abs(before)
    if not moves.any() or not np.isfinite(change).all():
        return 0.0
    scale = float(np.median(change[moves] / right[moves]))
    near = abs(change - scale * right) <= SAME_SCALE * abs(scale * right) + LEAST_CHANGE * abs(
        before
    )
    return scale if near.all() else 0.0


def _state(marks: Comparison, each: str, words: Words) -> str:
    by_hand = each == RIGHT and not marks.exact
    return words(f"compare.states.{'right_by_hand' if by_hand else each}")


@dataclass(frozen=True)
class _Excerpt:
    """The part of a matrix that is shown, as they have it.

    Attributes:
        yours, ours: The numbers.
        texts: What stands instead of a number of theirs.
        rows, columns: Their labels.
        left_out: How many rows and columns are not shown.
    """

    yours: Array
    ours: Array
    texts: Any
    rows: Sequence[str]
    columns: Sequence[str]
    left_out: tuple[int, int]


def _excerpt(taken: Taken, marked: Marked, axes: tuple[Sequence[str], Sequence[str]]) -> _Excerpt:
    """Return the part around the number that is most wrong."""
    variant = taken.variant
    yours, ours = variant.to_theirs(marked.answer.values), variant.to_theirs(marked.expected)
    texts = np.full(marked.answer.values.shape, "", dtype=object)
    for place, said in marked.answer.texts.items():
        texts[place] = said
    open_ = ~np.isin(marked.verdicts, FULL)
    if variant.turned:
        texts, open_, axes = texts.T, open_.T, axes[::-1]
    off = np.where(open_, np.nan_to_num(abs(yours - ours), nan=np.inf), -1.0)
    worst = np.unravel_index(int(off.argmax()), off.shape)
    parts = []
    for at, size, most in zip(worst, off.shape, (MOST_ROWS, MOST_COLUMNS), strict=True):
        first = max(0, min(int(at) - most // 2, size - most))
        parts.append(slice(first, first + most))
    rows, columns = parts
    shown = ours[rows, columns]
    left_out = ours.shape[0] - shown.shape[0], ours.shape[1] - shown.shape[1]
    return _Excerpt(
        yours[rows, columns], shown, texts[rows, columns],
        _labels(axes[0][rows]), _labels(axes[1][columns]), left_out,
    )  # fmt: skip


def _labels(labels: Sequence[str]) -> list[str]:
    return [cut(label(each), LONGEST_LABEL) for each in labels]


def _side_by_side(marks: Comparison, marked: Marked, words: Words) -> Iterator[str]:
    """Yield the lines of theirs, ours and the difference; below one another if too wide."""
    matrix = marks.ours[marked.name]
    part = _excerpt(marks.taken[marked.name], marked, (matrix.rows.labels, matrix.columns.labels))
    digits = _digits(part)
    yours = [[f"{x:.{digits}g}" for x in row] for row in part.yours.tolist()]
    for i, j in np.argwhere(np.isnan(part.yours)).tolist():
        yours[i][j] = label(part.texts[i, j]) or NOTHING
    ours = [[f"{x:.{digits}g}" for x in row] for row in part.ours.tolist()]
    far = [
        [NOTHING if math.isnan(x) else "0" if x == 0 else f"{x:+.2g}" for x in row]
        for row in (part.yours - part.ours).tolist()
    ]
    titles = [words(f"compare.{key}") for key in ("yours", "ours", "difference")]
    blocks = [
        _block(title, cells, part.columns)
        for title, cells in zip(titles, (yours, ours, far), strict=True)
    ]
    sides = _padded(["", "", *part.rows], left=True)
    if len(sides[0]) + sum(len(block[0]) + 3 for block in blocks) <= WIDEST:
        for side, *parts in zip(sides, *blocks, strict=True):
            yield "   ".join((side, *parts)).rstrip()
    else:
        for block in blocks:
            yield from (
                f"{side}   {line}".rstrip() for side, line in zip(sides, block, strict=True)
            )
    if any(part.left_out):
        yield words("compare.cut", rows=part.left_out[0], columns=part.left_out[1])


def _block(title: str, cells: Sequence[Sequence[str]], columns: Sequence[str]) -> list[str]:
    """Return a matrix as lines of one width, below its title and the labels of its columns."""
    rows = [list(columns), *cells]
    padded = [_padded([row[j] for row in rows]) for j in range(len(columns))]
    lines = ["  ".join(line) for line in zip(*padded, strict=True)]
    return _padded([title, *lines], left=True)


def _padded(texts: Sequence[str], *, left: bool = False) -> list[str]:
    width = max(map(len, texts))
    return [each.ljust(width) if left else each.rjust(width) for each in texts]


def _digits(part: _Excerpt) -> int:
    """Return the number of digits that show the smallest difference."""
    with np.errstate(all="ignore"):
        relative = abs(part.yours - part.ours) / np.maximum(abs(part.yours), abs(part.ours))
    relative = relative[np.isfinite(relative) & (relative > 0)]
    least = float(relative.min()) if relative.size else 1.0
    return min(MOST_DIGITS, max(FEWEST_DIGITS, 2 + math.ceil(-math.log10(least))))


# --- The rest -----------------------------------------------------------------------------


def _table(marks: Comparison, words: Words) -> list[str]:
    """Return a line for each matrix: its name, its verdict, the largest difference, the slip."""
    head = [words(f"compare.{key}") for key in ("matrix", "state", "difference_from", "says")]
    rows = [head]
    for each in marks.matrices:
        slip = _slip(each, words) if state(each) == WRONG else ""
        name = _name(marks, each.name, words)
        rows.append([name, _state(marks, state(each), words), _short(_largest(each)), slip])
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    columns = [_padded([row[j] for row in rows], left=True) for j in range(len(rows[0]))]
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _largest(marked: Marked) -> float:
    """Return the largest difference from what a matrix was right by, in the unit of its numbers."""
    if state(marked) != ON:
        return marked.largest
    far = np.minimum(abs(marked.answer.values - marked.expected),
                     abs(marked.answer.values - marked.own))  # fmt: skip
    return float(np.nanmax(far))


# --- Notes --------------------------------------------------------------------------------


def warnings(marks: Comparison, words: Words) -> Iterator[str]:
    """Yield a line on each thing that keeps numbers from agreeing: given matrices that are others,
    and misfits.
    """
    for differs in marks.differs:
        yield _differs(differs, words)
    for misfit in marks.misfits:
        yield _misfit(marks, misfit, words)


def _differs(each: Differs, words: Words) -> str:
    digits = MOST_DIGITS if math.isclose(each.found, each.expected, rel_tol=1e-5) else 6
    return words(
        "compare.notes.differs", theirs=label(each.theirs), ours=each.ours, row=each.row,
        column=each.column,
        found=f"{each.found:.{digits}g}", expected=f"{each.expected:.{digits}g}",
    )  # fmt: skip


def notes(marks: Comparison, words: Words) -> Iterator[str]:
    """Yield lines on what was made of names and variants, and on what was not compared."""
    taken, known = list(marks.taken.values()), marks.question.program.by_name
    for how in ("name", "updated", "numbers"):
        pairs = [
            _pair(each, words)
            for each in taken
            # A written program may call a matrix `loss`, as people call the loss.
            if each.match.how == how and not (each.match.theirs == each.match.ours in known)
        ]
        if pairs:
            yield words(f"compare.notes.{how}", pairs=_listed(pairs))
    yield from _turned(marks, taken, words)
    yield from _factors(taken, words, is_written=marks.question.program.is_written)
    yield from _left(marks, words)


def _pair(each: Taken, words: Words) -> str:
    theirs = label(each.match.theirs)
    return words("compare.notes.pair", theirs=theirs, ours=each.match.ours)


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f", … ({len(found)})" if len(found) > MOST_NAMES else ""
    return ", ".join(found[:MOST_NAMES]) + more


def _turned(marks: Comparison, taken: Sequence[Taken], words: Words) -> Iterator[str]:
    by_key: dict[str, list[str]] = {}
    for each in taken:
        if each.variant.turned:
            is_by_sample = marks.question.program.is_by_sample(marks.ours[each.match.ours])
            key = "samples_in_columns" if is_by_sample else "outputs_in_rows"
            by_key.setdefault(key, []).append(label(each.match.theirs))
    for key, names in by_key.items():
        yield words(f"compare.notes.{key}", names=_listed(names))


def _factors(taken: Sequence[Taken], words: Words, *, is_written: bool) -> Iterator[str]:
    by_factor: dict[Factor, list[str]] = {}
    for each in taken:
        if each.variant.power and each.variant.factor != PLAIN:
            by_factor.setdefault(each.variant.factor, []).append(label(each.match.theirs))
    for factor, names in by_factor.items():
        theirs, ours = _of_factor(factor, words, is_written=is_written)
        yield words("compare.notes.form", names=_listed(names), theirs=theirs, ours=ours)


def _of_factor(factor: Factor, words: Words, *, is_written: bool) -> tuple[str, str]:
    """Return in words what makes theirs another multiple of the same, and what makes ours: of a
    written program gradients.
    """
    pairs = []
    if factor.negative:
        pairs.append(("change", "gradient") if is_written else ("gradient", "change"))
    if factor.samples:
        pairs.append(("mean", "sum") if factor.samples < 0 else ("sum", "mean"))
    if factor.outputs:
        pairs.append(("outputs_mean", "outputs_sum"))
    if factor.doubled:
        pairs.append(("doubled", "halved"))
    theirs, ours = zip(*pairs, strict=True)
    said = [[words(f"compare.notes.{key}") for key in keys] for keys in (theirs, ours)]
    return ", ".join(said[0]), ", ".join(said[1])


def _left(marks: Comparison, words: Words) -> Iterator[str]:
    names = [label(each.theirs) for each in marks.left if each.why == "unknown"]
    if names:
        hint = nearest(names[0], [m.name for m in marks.question.program.matrices])
        said = words("compare.notes.unknown", names=_listed(names))
        yield said + (hint if len(names) == 1 else "")
    for each in marks.left:
        if each.why == "taken":
            yield words("compare.notes.taken", theirs=label(each.theirs), ours=each.says)
        elif each.why == "unreadable":
            yield words("compare.notes.unreadable", theirs=label(each.theirs), why=each.says)
        elif each.why == "shape" and each not in marks.misfits:
            yield _misfit(marks, each, words)


def _misfit(marks: Comparison, each: Left, words: Words) -> str:
    wanted = marks.ours[each.says].shape
    expected, found = (" × ".join(map(str, shape)) for shape in (wanted, each.shape))
    # As NumPy combines a flat list of n numbers with a column of n.
    is_square = wanted[1] == 1 and each.shape == (wanted[0], wanted[0])
    return words(
        f"compare.notes.{'broadcast' if is_square else 'shape'}",
        theirs=label(each.theirs), ours=each.says, expected=expected, found=found,
    )  # fmt: skip
