"""The search for artefacts as a unit: a run that goes on doesn't read its frames again."""

from __future__ import annotations

import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple

import numpy as np

from napari_zstack_align.params import ChannelParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.artefacts.artefacts import Artefacts, Pixels
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.sample import chosen_frames
from napari_zstack_align.register.artefacts.search import search
from napari_zstack_align.register.artefacts.transients import Transients
from napari_zstack_align.remark import remark_from
from napari_zstack_align.saved import Arrays, Units, key_of, layout_of, values_of
from napari_zstack_align.saved.provenance import json_bytes

SEARCH = "search for artefacts 10"
"""Of the method, for the unit's key: another number where a result may change."""
UNIT = "artefacts"


def kept_search(
    units: Units,
    params: ChannelParams,
    pool: ThreadPoolExecutor,
    *,
    given: Pixels | None = None,
    offset: float | None = None,
    slices_known: bool = True,
) -> Generator[Progress, None, Artefacts]:
    """Search the stack of a run for artefacts, or take what an earlier run found.

    Parameters
    ----------
    units : Units
        Of the run; the frames are read through them.
    params, pool, given, offset, slices_known
        As of `search`.
    """
    stack = units.frames.stack
    frames = chosen_frames(stack)
    key = key_of(
        SEARCH,
        params=values_of(params, *ChannelParams.model_fields),
        layout=layout_of(stack),
        given=given,
        offset=offset,
        slices_known=slices_known,
    )
    kept = units.get(UNIT, key, frames)
    if kept is not None:
        return _of_arrays(kept)
    found = yield from search(
        stack, params, pool, given=given, offset=offset, slices_known=slices_known
    )
    units.put(UNIT, key, _to_arrays(found), frames)
    return found


def _to_arrays(found: Artefacts) -> Arrays:
    arrays = {
        "offset": np.array(found.offset),
        "remarks": np.frombuffer(json_bytes({"remarks": found.remarks}), np.uint8),
    }
    if found.fixed is not None:
        arrays["fixed"] = found.fixed
    if found.pattern is not None:
        arrays["pattern"] = found.pattern
    if found.level is not None:
        arrays["level"] = np.array(found.level)
    if found.transients is not None:
        noise, *usual = astuple(found.transients)
        arrays["noise"], arrays["usual"] = np.array(noise), np.array(usual)
    return arrays


def _of_arrays(arrays: Arrays) -> Artefacts:
    transients = None
    if "noise" in arrays:
        brightest, dimmest, jump, top, sigmas, everywhere = arrays["usual"].tolist()
        noise = Noise(*arrays["noise"].tolist())
        transients = Transients(noise, brightest, dimmest, jump, top, sigmas, bool(everywhere))
    remarks = json.loads(arrays["remarks"].tobytes())["remarks"]
    return Artefacts(
        float(arrays["offset"]),
        arrays.get("fixed"),
        arrays.get("pattern"),
        transients,
        float(arrays["level"]) if "level" in arrays else None,
        tuple(map(remark_from, remarks)),
    )
