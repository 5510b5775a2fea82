"""Lines that are picked out of an axis, as NumPy writes them: `0:6:2`; and how each notation does.

A setting of an operation says which: `""` for all, `2` for one, which then stands for all and
repeats, and `1:4` or `5:0:-2` for some. Knows numbers and texts only.
"""

from __future__ import annotations

Key = int | slice
"""What stands between the brackets for an axis."""


def is_key(key: object) -> bool:
    """Whether something is a whole number or a slice by whole numbers, as NumPy would take it."""
    if isinstance(key, slice):
        bounds = (key.start, key.stop, key.step)
        return all(bound is None or _is_whole(bound) for bound in bounds)
    return _is_whole(key)


def _is_whole(number: object) -> bool:
    return hasattr(number, "__index__") and not isinstance(number, bool)


def setting_for(key: Key, size: int) -> str:
    """Return the setting for a key, whose negative numbers count from the end; for one that picks
    nothing of so many, what it is, so that an error can say so.
    """
    if not isinstance(key, slice):
        return str(int(key) % size if -size <= key < size else int(key))
    if key.step != 0 and (lines := range(size)[key]):
        return setting_of(lines, size)
    shown = ("" if bound is None else str(int(bound)) for bound in (key.start, key.stop, key.step))
    return ":".join(shown).removesuffix(":")


def setting_of(lines: range, size: int) -> str:
    """Return the setting that says which lines are picked, as short as NumPy takes it.

    >>> setting_of(range(1, 4), 6), setting_of(range(5, -1, -1), 6), setting_of(range(6), 6)
    ('1:4', '::-1', '')
    """
    if lines == range(size):
        return ""
    if len(lines) == 1:
        return f"{lines[0]}:{lines[0] + 1}"
    last = lines[-1] + (1 if lines.step > 0 else -1)
    step = "" if lines.step == 1 else f":{lines.step}"
    first = "" if step.startswith(":-") and lines[0] == size - 1 else lines[0]
    return f"{first}:{'' if last < 0 else last}{step}"


def picked(setting: str, size: int) -> range:
    """Return the lines that a setting says of so many; empty if it says none."""
    if not setting:
        return range(size)
    try:
        bounds = [int(each) if each else None for each in setting.split(":")]
        if is_one(setting):
            return range(size)[int(setting) : int(setting) + 1]
        return range(size)[slice(*bounds)] if len(bounds) > 1 else range(0)
    except (TypeError, ValueError):
        return range(0)


def is_one(setting: str) -> bool:
    """Whether a setting says a single line, which then stands for all."""
    return setting.isdecimal()


# --- As each notation has it --------------------------------------------------------------


def in_maths(lines: range, size: int) -> str:
    """Return how lines are written in maths, where they count from 1: `2…4`."""
    if lines == range(size):
        return ":"
    if len(lines) == 1:
        return str(lines[0] + 1)
    by = "" if lines.step == 1 else f" by {lines.step}".replace("-", "−")
    return f"{lines[0] + 1}…{lines[-1] + 1}{by}"


def in_numpy(setting: str) -> str:
    """Return how lines are written in NumPy, so that an axis stays: `2:3`."""
    return f"{setting}:{int(setting) + 1}" if is_one(setting) else setting or ":"


def in_r(lines: range) -> str:
    """Return how lines are written in R, where they count from 1: `2:4`."""
    first, last = lines[0] + 1, lines[-1] + 1
    if first == last:
        return str(first)
    return f"{first}:{last}" if abs(lines.step) == 1 else f"seq({first}, {last}, {lines.step})"


def _counted(lines: range, number: str, line: str) -> str:
    step, before = lines.step, lines[0] + 1 - lines.step
    times = number if step == 1 else f"{step}*{number}"
    return f"--({line}={times}{f'{before:+d}' if before else ''})"


def picking(lines: range, size: int) -> str:
    """Return an Excel formula of the matrix of 1 and 0, lines × size: what it is multiplied with
    leaves these rows of it. Behind a matrix of so many columns, it puts them there among zeros.
    """
    return _counted(lines, f"ROW(1:{len(lines)})", f"TRANSPOSE(ROW(1:{size}))")


def putting(lines: range, size: int) -> str:
    """Return an Excel formula of the transpose of the same matrix, size × lines."""
    return _counted(lines, f"TRANSPOSE(ROW(1:{len(lines)}))", f"ROW(1:{size})")
