"""The close-up: on a step's sheet only what it reads and computes, in the order of its formula.

Each matrix that is computed stands in a line of its own, `[wout_new] = [wout] + [hᵀ] · [d] × [lr]`,
with the operators between the blocks. Long rows and columns are folded away, all but the first few.
Where a step computes so many that this would be longer than a page, each matrix stands there once,
without operators. Knows expressions by their pieces, and about how wide things are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from math import ceil

from rich.cells import cell_len

from cellprop.algebra import Expression, Matrix, Mention, pieces, reads, separately
from cellprop.faces.places import (
    FIRST_COLUMN,
    FIRST_LANE,
    Folded,
    Place,
    PlacedLane,
    Sign,
    Spread,
    Standing,
    by_name,
)
from cellprop.faces.sizes import (
    BESIDE_LABEL,
    BETWEEN,
    CLOSER,
    HEADS,
    LABEL_HEIGHT,
    LABEL_LETTER,
    LABEL_WIDTH,
    LANE_WIDTH,
    MARK_HEIGHT,
    MARK_WIDTH,
    NOTES,
    NUMBER_WIDTH,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    ROW_HEIGHT,
    SHAPE_HEIGHT,
    STANDING,
    TOP,
    width_of_label,
    width_of_name,
    width_of_sign,
)
from cellprop.programs.program import Program, Step
from cellprop.texts.formats import WIDEST_SIDE, width_above
from cellprop.texts.formats import lines as lines_of

# A name, the shape, the labels of columns; without the shape where it is crowded.
HEAD, CROWDED = 3, 2
# One more than are in view is shown as well, rather than folded away.
SPARE = 1
# The fewest rows and columns that are worth looking at.
FEWEST = 2
# So many that there is room for more beside them.
ENOUGH = 4
EQUALS, MOVES = " = ", " ⇒ "


@dataclass(frozen=True)
class Item(Standing):
    """A matrix in a line, with what stands before it, and after it if it is the last.

    Attributes:
        moves: Whether it is no part of the formula, but by how much the result differs.
    """

    matrix: Matrix
    sign: str = ""
    moves: bool = False
    turned: bool = False
    transposed: bool = False
    after: str = ""

    def at(self, row: int, column: int, head: int) -> Place:
        """Return its Place, with its first number in a cell and so many rows above."""
        return Place(self.matrix, row, column, self.turned, self.transposed, head)


# Where a line goes on below, nothing stands below what it computes.
Line = Sequence[Item | None]


@dataclass(frozen=True)
class Slot:
    """Columns in which the blocks of several lines stand: a sign, labels, numbers, a mark."""

    sign: int
    column: int
    size: int
    shown: int

    @property
    def folded(self) -> Folded:
        """What of it is folded away."""
        return Folded(self.column + self.shown, self.column + self.size - 1)

    @property
    def end(self) -> int:
        """The next column that is free."""
        return self.column + self.size + (self.shown < self.size)


@dataclass(frozen=True)
class Wanted:
    """What is to be shown of a step.

    Attributes:
        step: Which.
        formulas: What computes each of its matrices, by name.
        moves: By how much each that an update computes differs from what it replaces, by name.
    """

    step: Step
    formulas: Mapping[str, Expression]
    moves: Mapping[str, Matrix]


def spread_of(program: Program, step: Step, rows: int, *, moves: bool) -> Spread:
    """Return what stands on the sheet of a step.

    `rows`: how many rows and columns are in view at most; `moves`: whether it is to be seen by how
    much an update changes what it replaces.
    """
    wanted = Wanted(
        step,
        # Each mention of a matrix is a matrix of its own, as each has a block of its own.
        {m.name: separately(m.definition)[0] for m in step.computed if m.definition},
        program.moves if moves else {},
    )
    best = None
    for plan in _plans(wanted, rows):
        if best is None or plan.excess < best.excess:
            best = plan
        if best.excess == 0:
            break
    assert best is not None
    return _placed(program, wanted, best)


@dataclass(frozen=True)
class Plan:
    """Lines of items, and how many rows and columns of each are in view."""

    lines: Sequence[Line]
    view: int
    repeats: bool

    @property
    def excess(self) -> float:
        """By how much it is larger than a page, as a share of it; 0 if it fits."""
        width, height = self.size
        return max(0.0, width / PAGE_WIDTH - 1) + max(0.0, height / PAGE_HEIGHT - 1)

    @property
    def size(self) -> tuple[float, float]:
        """About how wide and high it is, in pixels."""
        height = TOP + NOTES + sum(self._height(line) for line in self.lines)
        return LANE_WIDTH + sum(_widths(self.lines, self.view)), height

    @property
    def head(self) -> int:
        """How many rows stand above the numbers of a matrix."""
        return HEAD if self.repeats else CROWDED

    def _height(self, line: Line) -> float:
        sizes = [item.down.size for item in line if item]
        most, shown = max(sizes), _shown_together(sizes, self.view)
        heads = HEADS if self.repeats else HEADS - SHAPE_HEIGHT
        labels = {label for item in line if item for label in item.across.labels[: self.view]}
        heads += LABEL_HEIGHT * (max(map(_lines_of_label, labels)) - 1)
        return heads + ROW_HEIGHT * shown + (MARK_HEIGHT if shown < most else BETWEEN)


def _plans(wanted: Wanted, rows: int) -> Iterator[Plan]:
    """Yield ways to show a step, the better ones first."""
    step = wanted.step
    views = sorted({rows, *(v for v in (6, 5, 4, 3, FEWEST) if v < rows)}, reverse=True)
    given = [Item(matrix) for matrix in step.brings if matrix.definition is None]
    # By how much things change is worth less than seeing enough of them.
    ways = [(view, wanted) for view in views if view >= ENOUGH or not wanted.moves]
    ways += [(view, replace(wanted, moves={})) for view in views if wanted.moves]
    for view, shown in ways:
        lines = [_line(shown, matrix, view) for matrix in step.computed]
        if lines:
            yield from _wrapped([given, *lines] if given else lines, view)
    once = [Item(matrix) for matrix in _once(step)]
    for view in views:
        plans = (
            Plan(_parts(once, count, view), view, repeats=False)
            for count in range(len(once), 0, -1)
        )
        plan = None
        for plan in plans:
            if plan.size[0] <= PAGE_WIDTH:
                break
        if plan:
            yield plan


def _wrapped(lines: Sequence[Line], view: int) -> Iterator[Plan]:
    """Yield lines as they are, and cut where they are too wide."""
    yield Plan(lines, view, repeats=True)
    for share in (1.0, 0.85, 0.7, 0.55):
        cut = [part for line in lines for part in _cut(line, view, PAGE_WIDTH * share)]
        if len(cut) > len(lines):
            yield Plan(cut, view, repeats=True)


def _line(wanted: Wanted, matrix: Matrix, view: int) -> Line:
    """Return the line of a matrix: it, and what it is computed from.

    What an operation writes twice, as `max(0.01 x, x)`, stands there once; then its name does.
    """
    items, sign = [Item(matrix)], EQUALS
    shown: set[Matrix] = set()
    for piece in pieces(wanted.formulas[matrix.name]):
        if isinstance(piece, str):
            sign += piece
        elif piece.matrix in shown:
            sign += piece.text
        else:
            shown.add(piece.matrix)
            turned = piece.transposed and piece.matrix.rows.size <= view + SPARE
            items.append(Item(piece.matrix, sign, turned=turned, transposed=piece.transposed))
            sign = ""
    items[-1] = replace(items[-1], after=sign)
    if matrix.name in wanted.moves:
        items.append(Item(wanted.moves[matrix.name], MOVES, moves=True))
    return items


def _once(step: Step) -> Sequence[Matrix]:
    """Return what a step reads and computes, each once: what it reads before it is computed."""
    found: dict[Matrix, None] = {}
    for matrix in step.brings:
        if matrix.definition is not None:
            read = (p.matrix for p in pieces(matrix.definition) if isinstance(p, Mention))
            found |= dict.fromkeys(read)
        found.setdefault(matrix)
    return list(found)


def _parts(items: Sequence[Item], count: int, view: int) -> list[Line]:
    """Return items in lines of so many: wide ones below each other, which takes the least room."""
    lines = -(-len(items) // count)
    if lines == 1:
        return [items]
    wide = sorted(items, key=lambda item: -_width(item, view))
    slots = [wide[i : i + lines] for i in range(0, len(wide), lines)]
    order = {item.matrix: number for number, item in enumerate(items)}
    for slot in slots:
        slot.sort(key=lambda item: order[item.matrix])
    return [[item for item in line if item] for line in zip_longest(*slots)]


def _cut(line: Line, view: int, room: float) -> Iterator[Line]:
    """Yield the parts of a line, none wider than there is room."""
    part: list[Item | None] = []
    used = float(LANE_WIDTH)
    for item in filter(None, line):
        width = _width(item, view) + width_of_sign(item.sign)
        if part[1:] and used + width > room:
            yield part
            continued = bool(item.sign)
            part = [None] * continued
            used = LANE_WIDTH + (_width(line[0], view) if continued and line[0] else 0.0)
        part.append(item)
        used += width
    yield part


# --- How large ------------------------------------------------------------------------------


def _for_name(item: Item) -> int:
    """Return the number of columns that a name takes; it may run on over what stands between."""
    width = width_of_name(len(item.matrix.name) + item.transposed)
    if item.transposed and not item.turned:  # which is said below the name
        width = max(width, STANDING)
    room = width - LABEL_WIDTH - width_of_sign("")
    return max(1, ceil(room / NUMBER_WIDTH))


def _width(item: Item, view: int) -> float:
    """Return how wide a block is, with the labels of its rows."""
    shown = _shown_together([item.across.size], view)
    folded = MARK_WIDTH if shown < item.across.size else 0
    numbers = sum(_width_of_column(label) for label in item.across.labels[:shown])
    name = NUMBER_WIDTH * _for_name(item)
    return _width_of_side(item.down.labels) + max(numbers, name) + folded


@lru_cache(maxsize=4096)
def _width_of_column(label: str) -> float:
    """Return how wide a column of numbers is below a label."""
    usual = int((NUMBER_WIDTH - BESIDE_LABEL) / LABEL_LETTER)
    return max(NUMBER_WIDTH + CLOSER, width_of_label(width_above(label, usual)))


@lru_cache(maxsize=4096)
def _lines_of_label(label: str) -> int:
    """Return how many lines a label above a column has."""
    return len(
        lines_of(label, max(1, int((_width_of_column(label) - BESIDE_LABEL) / LABEL_LETTER)))
    )


@lru_cache(maxsize=256)
def _width_of_side(labels: Sequence[str]) -> float:
    """Return how wide a column of labels beside rows is."""
    return max(LABEL_WIDTH, width_of_label(min(max(map(cell_len, labels)), WIDEST_SIDE)))


def _beyond(item: Item) -> float:
    """Return what a sign after a block takes of the width, beside the gap that there is anyhow."""
    return width_of_sign(item.after) - width_of_sign("")


def _widths(lines: Sequence[Line], view: int) -> list[float]:
    """Return the width of each slot."""
    return [
        max(_width(item, view) for item in slot if item)
        + max(width_of_sign(item.sign) + _beyond(item) for item in slot if item)
        for slot in zip_longest(*lines)
    ]


def _shown_together(sizes: Iterable[int], view: int) -> int:
    """Return how many rows, or columns, of several matrices are in view."""
    most = max(sizes := list(sizes))
    if most <= view + SPARE:
        return most
    # Where there is room for it, none is folded away of which all but one would be in view.
    whole = [size for size in sizes if size == view + SPARE and view > FEWEST]
    return max([view, *whole])


# --- Where ----------------------------------------------------------------------------------


def _slots(lines: Sequence[Line], view: int) -> list[Slot]:
    """Return the columns of each slot."""
    slots: list[Slot] = []
    sign = FIRST_COLUMN - 2
    for items in zip_longest(*lines):
        found = [item for item in items if item]
        sizes = [item.across.size for item in found]
        size, shown = max(sizes), _shown_together(sizes, view)
        names = max(map(_for_name, found))
        slot = Slot(sign, sign + 2, size if shown < size else max(size, names), shown)
        if shown == size:
            slot = replace(slot, shown=slot.size)
        slots.append(slot)
        sign = slot.end
    return slots


def _placed(program: Program, wanted: Wanted, plan: Plan) -> Spread:
    slots = _slots(plan.lines, plan.view)
    lanes: list[PlacedLane] = []
    folded: list[Folded] = []
    found: list[tuple[Item, Place]] = []
    row = FIRST_LANE
    for line in plan.lines:
        sizes = [item.down.size for item in line if item]
        shown, first = _shown_together(sizes, plan.view), row + plan.head
        last = first + max(sizes) - 1
        placed = [
            (item, slot, item.at(first, slot.column, plan.head))
            for item, slot in zip(line, slots, strict=False)
            if item
        ]
        found += [(item, place) for item, _, place in placed]
        signs = tuple(sign for item, slot, _ in placed for sign in _signs(item, slot, first, shown))
        if shown < max(sizes):
            folded.append(Folded(first + shown, last))
        key, layer, title = _lane_of(program, line) if plan.repeats else ("", None, "")
        places = tuple(place for _, _, place in placed)
        lanes.append(PlacedLane(key, row, last, places, layer, signs, title))
        row = last + 2
    everything = [place for _, place in found]
    brought = {matrix.name for matrix in wanted.step.brings}
    spread = Spread(
        lanes=tuple(lanes),
        homes={p.matrix.name: p for p in reversed(everything) if p.matrix.name in brought},
        notes_row=row,
        lines=_read_in(wanted, found) if plan.repeats else {},
        copies={} if plan.repeats else by_name(everything),
        rows=tuple(folded),
        columns=tuple(slot.folded for slot in slots if slot.shown < slot.size),
        gaps=tuple(slot.sign for slot in slots[1:]),
    )
    has_moves = any(item.moves for item, _ in found)
    return spread if has_moves else _with_moves(spread, wanted, plan, by_name(everything))


def _with_moves(spread: Spread, wanted: Wanted, plan: Plan, places: Mapping[str, Place]) -> Spread:
    """Return a spread with what had no room in the lines, by how much an update changes what it
    replaces: below everything else, which a page can do without, in the columns of what changes.
    """
    lanes, folded, lines = list(spread.lanes), list(spread.rows), dict(spread.lines)
    row = spread.reasons_row + 1
    for matrix in wanted.step.computed:
        move = wanted.moves.get(matrix.name)
        if move is None:
            continue
        assert move.definition is not None
        place = replace(places[matrix.name], matrix=move, row=row + plan.head, head=plan.head)
        last, shown = place.last_row, _shown_together([place.down.size], plan.view)
        if shown < place.down.size:
            folded.append(Folded(place.row + shown, last))
        key = "" if len(lanes) > len(spread.lanes) else "changes"
        lanes.append(PlacedLane(key, row, last, (place,)))
        lines[move.name] = move.definition, {m: places[m.name] for m in reads(move.definition)}
        row = last + 2
    return replace(spread, lanes=tuple(lanes), rows=tuple(folded), lines=lines)


def _signs(item: Item, slot: Slot, first: int, shown: int) -> Iterator[Sign]:
    """Yield the operators before and after a block, beside the middle of what is in view of it."""
    middle = first + (min(item.down.size, shown) - 1) // 2
    if item.sign:
        yield Sign(middle, slot.sign, item.sign)
    if item.after.strip():
        yield Sign(middle, _after(item, slot), item.after)


def _read_in(
    wanted: Wanted, found: Sequence[tuple[Item, Place]]
) -> dict[str, tuple[Expression, Mapping[Matrix, Place]]]:
    """Return what computes each matrix, and where what is mentioned in that stands, by its name."""
    lines: dict[str, tuple[Expression, Mapping[Matrix, Place]]] = {}
    result, read = found[0][1], dict[Matrix, Place]()
    for item, place in found:
        if item.moves:
            assert item.matrix.definition is not None
            by_its_name = {p.matrix.name: p for p in (*reversed(read.values()), result)}
            there = {m: by_its_name[m.name] for m in reads(item.matrix.definition)}
            lines[item.matrix.name] = item.matrix.definition, there
        elif item.sign:
            read[item.matrix] = place
        else:
            result, read = place, {}
            if item.matrix.name in wanted.formulas:
                lines[item.matrix.name] = wanted.formulas[item.matrix.name], read
    return lines


def _after(item: Item, slot: Slot) -> int:
    """Return the column right after a block."""
    return slot.end if slot.shown < slot.size else slot.column + item.across.size


def _lane_of(program: Program, line: Line) -> tuple[str, int | None, str]:
    """Return what the title of a line is made of: the lane of what it computes."""
    first = line[0]
    if first is None:  # a line goes on
        return "", None, ""
    lane = next(lane for lane in program.lanes if first.matrix in lane.matrices)
    if lane.title:  # as the sheet's own
        return "", None, ""
    return lane.key, lane.layer, lane.title
