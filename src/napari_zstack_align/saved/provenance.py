"""Where a result comes from, in the same words for every kind."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align._version import __version__
from napari_zstack_align.remark import Remark

WRITTEN_BY = f"napari-zstack-align {__version__}"
KEYS = ("job", "written_by", "versions", "started", "finished", "files", "remarks")
"""Of every provenance; what only one job knows stands under 'details' on disk."""


def now() -> str:
    """Return the time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(
    job: str, started: str, files: Iterable[Path], remarks: Iterable[Remark] = (), **details: Any
) -> dict[str, Any]:
    """Describe a run that ends now.

    Parameters
    ----------
    job : str
        Name of the function.
    started : str
        When it began, of `now`.
    files : iterable of pathlib.Path
        The raw files that it read.
    remarks : iterable of Remark
        What the user should know of the whole.
    **details
        What else this job knows; for JSON.
    """
    return {
        "job": job,
        "written_by": WRITTEN_BY,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "started": started,
        "finished": now(),
        "files": [os.path.abspath(path) for path in files],
        "remarks": list(remarks),
        **details,
    }


def on_disk(described: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance as the manifest holds it: the same keys always, null where nothing is known."""
    common = {key: described.get(key) for key in KEYS}
    details = {key: value for key, value in described.items() if key not in KEYS}
    return {**common, "details": details}


def from_disk(described: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `on_disk`."""
    known = {key: value for key, value in described.items() if value is not None}
    details = known.pop("details", {})
    return {**known, **details}


def json_bytes(facts: Mapping[str, Any]) -> bytes:
    """Text of a JSON file for people and programs.

    Bytes of a file's name that are no UTF-8 become escapes, which read back as they were.
    """
    text = json.dumps(plain(facts), indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode(errors="backslashreplace")


def plain(value: Any) -> Any:
    """Value for strict JSON, which has neither NaN nor infinity: they become null."""
    if isinstance(value, Remark):
        return value.facts()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
