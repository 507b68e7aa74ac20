"""What is kept of a slice in the journal of a run: its results as plain arrays, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import FLAG_COLUMNS, Fault, fault_of, mark_each
from napari_zstack_align.register.repeats import Repeats
from napari_zstack_align.saved import Arrays


def arrays_of_repeats(repeats: Repeats) -> dict[str, npt.NDArray[np.generic]]:
    """Arrays of the verdict on the repeats of a slice."""
    return {
        "coefficients": repeats.coefficients,
        "before": repeats.before,
        "after": repeats.after,
        "used": repeats.used,
        "faults": _table_of(repeats.faults),
        "has_signal": np.array(repeats.has_signal),
        **known(moved=repeats.moved),
    }


def repeats_of_arrays(arrays: Arrays) -> Repeats:
    """Undo `arrays_of_repeats`."""
    return Repeats(
        arrays["coefficients"],
        arrays["before"],
        arrays["after"],
        arrays["used"],
        tuple(fault_of(row) for row in arrays["faults"]),
        bool(arrays["has_signal"]),
        arrays.get("moved"),
    )


def known(**arrays: npt.NDArray[Any] | None) -> dict[str, npt.NDArray[np.generic]]:
    """Those arrays that there are."""
    return {name: values for name, values in arrays.items() if values is not None}


def _table_of(faults: Sequence[Fault | None]) -> npt.NDArray[np.void]:
    table = np.zeros(len(faults), FLAG_COLUMNS)
    mark_each(table, faults)
    return table
