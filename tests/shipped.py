"""The programs that ship, as updates and questions; each is trained once."""

from __future__ import annotations

from functools import cache

import cellprop
from cellprop.marking.question import Question, ask
from cellprop.running.loading import shipped, ships
from cellprop.tracing import Trace

PROGRAMS = shipped()


@cache
def traced(name: str, **options) -> Trace:
    """A program that ships, with its own data; of few epochs, so that numbers stay lively."""
    loaded = ships(name)
    return cellprop.trace(loaded.written, loaded.X, loaded.y, **{**loaded.options, **options})


@cache
def question_of(name: str, **options) -> Question:
    """A question about it."""
    return ask(traced(name).update, **options)
