"""Doing the same many times over in several processes, or on several machines.

Knows functions and what they take; knows nothing of what is done.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from cellprop.errors import InputError
from cellprop.files.safe import label

Argument = TypeVar("Argument")
Returned = TypeVar("Returned")


def in_processes(
    jobs: int, do: Callable[[Argument], Returned], arguments: Iterable[Argument]
) -> Generator[Returned]:
    """Yield what a function returns for each argument, in their order."""
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=jobs, return_as="generator")
    calls = (delayed(_interruptible)(do, argument) for argument in arguments)
    with _without_interruption():
        found: Generator[Returned] = run(calls)
    return found


@contextmanager
def on_backend(name: str | None) -> Iterator[None]:
    """Have joblib's backend of a name do what is done in processes; None: whichever it is.

    Dask finds its cluster where it is told to, as by `DASK_SCHEDULER_ADDRESS`, and else makes one
    of this machine; Ray does likewise by `RAY_ADDRESS`.

    Raises
    ------
    InputError
        If there is no such backend, or what it needs is not installed.
    """
    if name is None:
        yield
        return
    from joblib import parallel_config

    try:
        with _ready(name), parallel_config(backend=name):
            yield
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed", "ray"):
            raise
        raise InputError(
            f"backend: {error.name} is not installed; `pip install {error.name}` brings it."
        ) from None


@contextmanager
def _ready(name: str) -> Iterator[None]:
    """Make what a backend needs before it can be named."""
    if name == "dask":
        from distributed import Client, get_client  # type: ignore[import-not-found]

        try:
            get_client()
        except ValueError:  # nobody has one
            with Client(set_as_default=True):
                yield
        else:
            yield
    else:
        if name == "ray":
            from ray.util.joblib import register_ray  # type: ignore[import-not-found]

            register_ray()
        _check_known(name)
        yield


def _check_known(name: str) -> None:
    from joblib.parallel import BACKENDS  # type: ignore[import-untyped]

    if name not in BACKENDS:
        known = ", ".join(sorted({*BACKENDS, "dask", "ray"} - {"sequential"}))
        raise InputError(f"backend: '{label(name)}' is not known; known: {known}.")


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
