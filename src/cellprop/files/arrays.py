"""Whatever holds numbers, as an array of NumPy: other libraries' arrays, tensors and tables.

None of these libraries is imported: what they make is known by what it can do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.limits import MOST_CELLS


class _Masked:
    """What stands where an array has a number that does not count."""

    def __repr__(self) -> str:
        return "a masked value"


MASKED = _Masked()


def offers(source: Any, *names: str) -> bool:
    """Whether what an object is has attributes of these names.

    Asked of its class, and of what it keeps itself: a DataFrame answers to the names of its columns
    as well, and one may be called so.
    """
    kept = getattr(source, "__dict__", {})
    return all(hasattr(type(source), name) or name in kept for name in names)


def as_array(source: Any) -> tuple[NDArray[Any], bool]:
    """Return an array of what holds numbers, and whether these had 32 bits at most.

    Where an array is masked, `MASKED` stands instead of the number behind the mask.
    """
    if isinstance(source, np.ma.MaskedArray):
        return _from_masked(source), is_single(source.dtype)
    if offers(source, "detach"):
        return _from_tensor(source)
    if offers(source, "toarray"):
        _check_size(source.shape)
    for method in ("toarray", "to_numpy", "numpy"):
        if offers(source, method) and not isinstance(source, np.ndarray):
            return as_array(getattr(source, method)())
    if _holds_arrays(source):
        arrays = [as_array(each) for each in source]
        return np.array([array[()] for array, _ in arrays]), all(single for _, single in arrays)
    try:
        array = np.asarray(source)
    except ValueError:  # rows that differ
        array = np.asarray(source, dtype=object)
    if array.dtype.kind in "OUS":
        # As objects: among text, NumPy makes text of numbers too, and the wrong cell is named.
        return np.asarray(source, dtype=object), False
    return array, is_single(array.dtype)


def _from_masked(source: np.ma.MaskedArray[Any, Any]) -> NDArray[Any]:
    array = np.asarray(source.data)
    if array.dtype.kind not in "cmM" and array.dtype.names is None:  # else of no numbers of ours
        array = array.astype(object)
        array[np.ma.getmaskarray(source)] = MASKED
    return array


def _holds_arrays(source: Any) -> bool:
    """Whether a list has, at any depth, what NumPy would take the wrong numbers of, or none."""
    if not isinstance(source, (list, tuple)):
        return False
    plain = (int, float, str, bool, type(None))
    kinds = {type(each) for each in source}.difference(plain)
    return any(
        issubclass(kind, np.ma.MaskedArray) or hasattr(kind, "detach") for kind in kinds
    ) or (not kinds.isdisjoint((list, tuple)) and any(map(_holds_arrays, source)))


def _from_tensor(tensor: Any) -> tuple[NDArray[Any], bool]:
    tensor = tensor.detach()
    if getattr(tensor, "is_quantized", False):
        tensor = tensor.dequantize()
    if "strided" not in str(getattr(tensor, "layout", "strided")):
        _check_size(tensor.shape)
        tensor = tensor.to_dense()
    is_single = bool(tensor.is_floating_point()) and tensor.element_size() <= 4
    if is_single:
        tensor = tensor.float()  # NumPy has not all that are smaller
    return np.asarray(tensor.cpu().resolve_conj().resolve_neg().numpy()), is_single


def _check_size(shape: Sequence[int]) -> None:
    # A sparse matrix of a few numbers can claim to be larger than the memory.
    if math.prod(shape) > MOST_CELLS:
        raise OverflowError(f"more than {MOST_CELLS:,} with its zeros")


def is_single(dtype: np.dtype[Any]) -> bool:
    """Whether numbers have 32 bits at most."""
    # Such as bfloat16, NumPy knows only by their size.
    is_other = dtype.kind == "V" and dtype.names is None
    return (dtype.kind == "f" or is_other) and dtype.itemsize <= 4


def is_nothing(cell: object) -> bool:
    """Whether a cell stands for a number that is not there."""
    return (
        cell is None
        or cell is MASKED
        or type(cell).__name__ in ("NAType", "NaTType", "MaskedConstant")
    )


def real(cell: Any) -> float:
    """Return the number that a cell holds.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If it holds none: text that looks like one is still text.
    """
    if isinstance(cell, (str, bytes, complex, np.complexfloating)):
        raise TypeError
    if isinstance(cell, np.ma.MaskedArray) or (isinstance(cell, np.ndarray) and cell.size != 1):
        raise TypeError
    try:
        return float(cell.item() if isinstance(cell, np.ndarray) else cell)
    except RuntimeError:  # of a tensor
        raise TypeError from None
