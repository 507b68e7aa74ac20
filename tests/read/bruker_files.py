"""Folders as Bruker's Prairie View writes them: files of one image each, and an XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

SHAPE = (12, 16)


def image_of(cycle: int, channel: int, index: int) -> np.ndarray:
    """An image that holds its own number in every pixel: 1000 × cycle + 100 × channel + index."""
    return np.full(SHAPE, 1000 * cycle + 100 * channel + index, np.uint16)


def name_of(stem: str, cycle: int, channel: int, index: int, old: bool = False) -> str:
    """Name of a file, also as versions before 5.1 wrote it."""
    settings, ending = ("CurrentSettings_", ".tif") if old else ("", ".ome.tif")
    return f"{stem}_Cycle{cycle:05d}_{settings}Ch{channel}_{index:06d}{ending}"


def write_bruker(
    parent: Path,
    *,
    cycles: Sequence[int],
    channels: Sequence[int] = (1,),
    kind: str = "TSeries ZSeries Element",
    depth: Any = None,
    old: bool = False,
    xml: bool = True,
    more: str = "",
    time: str = "absolute",
    version: str = "5.6.64.400",
    stem: str = "TSeries-1",
) -> Path:
    """Write a folder; ``cycles`` lists the number of images of each, ``depth(c, i)`` is in µm."""
    folder = parent / stem
    folder.mkdir()
    sequences = []
    t = 0.0
    for cycle, length in enumerate(cycles, start=1):
        begin, frames = t, []
        for index in range(1, length + 1):
            files = []
            for channel in channels:
                name = name_of(stem, cycle, channel, index, old)
                tifffile.imwrite(
                    folder / name,
                    image_of(cycle, channel, index),
                    photometric="minisblack",
                    metadata=None,
                )
                files.append(
                    f'<File channel="{channel}" channelName="Ch{channel}" page="1" '
                    f'filename="{name}"/>'
                )
            at = "" if depth is None else _state({"ZAxis": depth(cycle, index)}, old)
            times = {"relative": f'relativeTime="{t - begin:.4f}"'}
            times["absolute"] = f'{times["relative"]} absoluteTime="{t:.4f}"'
            frames.append(f'<Frame {times[time]} index="{index}">{"".join(files)}{at}</Frame>')
            t += 0.1
        sequences.append(
            f'<Sequence type="{kind}" cycle="{cycle}" {more}>{"".join(frames)}</Sequence>'
        )
    if xml:
        (folder / f"{stem}.xml").write_text(
            f'<?xml version="1.0" encoding="utf-8"?><PVScan version="{version}" '
            f'date="3/7/2025 2:05:09 PM">{_of_scan(old)}{"".join(sequences)}</PVScan>'
        )
    return folder


def _of_scan(old: bool) -> str:
    sizes = {"XAxis": 0.5, "YAxis": 0.6, "ZAxis": 3}
    if old:
        keys = "".join(f'<Key key="micronsPerPixel_{a}" value="{v}"/>' for a, v in sizes.items())
        return f'<PVStateShard>{keys}<Key key="framePeriod" value="0.1"/></PVStateShard>'
    values = "".join(f'<IndexedValue index="{a}" value="{v}"/>' for a, v in sizes.items())
    return (
        f'<PVStateShard><PVStateValue key="micronsPerPixel">{values}</PVStateValue>'
        f'<PVStateValue key="framePeriod" value="0.1"/></PVStateShard>'
    )


def _state(at: dict[str, float], old: bool) -> str:
    if old:
        keys = "".join(f'<Key key="positionCurrent_{a}" value="{v}"/>' for a, v in at.items())
        return f"<PVStateShard>{keys}</PVStateShard>"
    values = "".join(
        f'<SubindexedValues index="{a}"><SubindexedValue subindex="0" value="{v}"/>'
        f"</SubindexedValues>"
        for a, v in at.items()
    )
    return (
        f'<PVStateShard><PVStateValue key="positionCurrent">{values}</PVStateValue></PVStateShard>'
    )
