from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_zstack_align.read import started_at

OME = '<?xml version="1.0"?><OME><Image><AcquisitionDate>{}</AcquisitionDate></Image></OME>'
NOON = datetime(2024, 3, 5, 12, 30, 15)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"datetime": "2024:03:05 12:30:15"}, NOON),
        ({"description": OME.format("2024-03-05T12:30:15")}, NOON),
        ({"description": OME.format("2024-03-05T12:30:15+01:00")}, NOON),
        ({"description": "epoch = [2024 3 5 12 30 15.25]"}, NOON.replace(microsecond=250_000)),
        ({"datetime": "some day", "description": "epoch = [2024 13]"}, None),
        ({}, None),
    ],
    ids=["tag", "ome", "ome with zone", "scanimage", "nonsense", "nothing"],
)
def test_start_of_a_recording(
    tmp_path: Path,
    frames: npt.NDArray[np.uint16],
    written: dict[str, str],
    expected: datetime | None,
) -> None:
    path = tmp_path / "recording.tif"
    extratags = []
    if "datetime" in written:
        extratags.append((306, "s", 0, written["datetime"], True))
    tifffile.imwrite(
        path, frames, description=written.get("description"), extratags=extratags, metadata=None
    )
    assert started_at(path) == expected


def test_other_files_say_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0nonsense")
    assert started_at(broken) is None
    assert started_at(tmp_path / "missing.tif") is None
    assert started_at(tmp_path / "frames.npy") is None
