"""Doing the same for many files in several processes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Argument = TypeVar("Argument")
Returned = TypeVar("Returned")


def in_processes(
    jobs: int, do: Callable[[Argument], Returned], arguments: Iterable[Argument]
) -> Iterator[Returned]:
    """Yield what a function returns for each argument, in their order."""
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=jobs, return_as="generator")
    calls = (delayed(_interruptible)(do, argument) for argument in arguments)
    with _without_interruption():
        found: Iterator[Returned] = run(calls)
    return found


def _interruptible(do: Callable[[Argument], Returned], argument: Argument) -> Returned:
    """Call a function so that Ctrl+C ends it, and it can remove what it has not finished."""
    is_ours = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return do(argument)
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _without_interruption() -> Iterator[None]:
    """Start processes that Ctrl+C does not reach while they load modules, or wait: a terminal tells
    it to all of them, and each would say where it was. This process ends them.
    """
    earlier = None
    with suppress(ValueError):  # only the main thread may
        earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        if earlier is not None:
            signal.signal(signal.SIGINT, earlier)
