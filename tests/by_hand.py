"""Calculating what a calculation in numbers says, as one would with a calculator."""

from __future__ import annotations

import math
import re

# What stands for a sign of ours in Python.
SIGNS = (
    ("·", "*"),
    ("−", "-"),
    *((power, f"**{k}") for k, power in enumerate("²³⁴⁵", 2)),
    ("√(", "root("),
)
KNOWN = {
    "exp": math.exp, "ln": math.log, "tanh": math.tanh, "root": math.sqrt, "max": max, "min": min,
    "abs": abs, "every": lambda *each: all(each),
    "choose": lambda index, *each: each[int(index) - 1],
    "chosen": lambda condition, then, otherwise: then if condition else otherwise,
}  # fmt: skip
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.(\d+))?(?:E(−?\d+))?")


def by_hand(text: str) -> float:
    """Calculate what a text says."""
    while found := re.search(r"\[([^\[\]]*)\]", text):
        condition, _, chosen = found.group(1).partition(": ")
        if not chosen:
            condition, _, otherwise = condition.partition(", else ")
            chosen = f"1, else {otherwise or 0}"
        then, _, otherwise = chosen.rpartition(", else ")
        condition = condition.replace(" = ", " == ").replace("≥", ">=")
        text = text.replace(found.group(0), f"(({then}) if {condition} else ({otherwise}))")
    text = re.sub(r"\|(.*)\|", r"abs(\1)", text)
    text = text.replace("if(", "chosen(").replace("and(", "every(")
    text = re.sub(r"(?<![<>=])=(?!=)", "==", text)
    for sign, meant in SIGNS:
        text = text.replace(sign, meant)
    return float(eval(text, {"__builtins__": {}}, KNOWN))


def calculated(text: str) -> tuple[float, float, float]:
    """Return what a line gives by hand, what it says it gives, and how far rounding of its numbers
    may have carried them apart: infinitely, where what is rounded to 0 is divided by.
    """
    before, result = text.split(" = ", 1)[1].rsplit(" = ", 1)
    exact = _number(before)
    apart = _unit(NUMBER.search(result)) / 2
    for number in NUMBER.finditer(before):
        half = _unit(number) / 2
        for moved in (half, -half):
            start, end = number.span()
            value = float(number.group().replace("−", "-")) + moved
            apart += abs(_number(f"{before[:start]}({value!r}){before[end:]}") - exact)
    return exact, by_hand(result), apart if math.isfinite(apart) else math.inf


def _number(text: str) -> float:
    try:
        return by_hand(text)
    except (ValueError, ZeroDivisionError):
        return math.inf


def _unit(number: re.Match[str]) -> float:
    """Return 1 in the last place of a number."""
    decimals, power = number.groups()
    return 10.0 ** (int((power or "0").replace("−", "-")) - len(decimals or ""))
