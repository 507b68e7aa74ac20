"""Rows that don't come from tissue say nothing of the depth of a frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tissue import SHAPE, drift, estimate, record

import napari_zstack_align as nza
from napari_zstack_align.alignment.artefact_rows import ROWS
from napari_zstack_align.alignment.transforms import AffineLink, Transforms

ROWS_LIT = slice(20, 50)


def test_struck_rows_move_no_depth():
    depths = drift(16)
    clean = record(depths)
    rng, frames = np.random.default_rng(3), clean.copy()
    part = frames[6:10, ROWS_LIT]
    part[:] = np.clip(part + 40.0 * rng.poisson(600, part.shape), 0, 65535)
    table = np.array([(t, 19, 50, "bright") for t in range(6, 10)], ROWS)
    found = {}
    for name, images, rows in (
        ("clean", clean, None),
        ("known", frames, table),
        ("not known", frames, None),
    ):
        stack = nza.Stack.from_array(images)
        link = AffineLink(np.tile(np.eye(3), (len(images), 1, 1)))
        alignment = nza.apply_transforms(stack, Transforms(SHAPE, (link,)), np.zeros(SHAPE))
        zshift = estimate(stack, alignment=replace(alignment, artefact_rows=rows))
        found[name] = np.nanmax(np.abs(zshift.raw_patch_z[6:10] - depths[6:10, None, None]))
    assert found["known"] < found["clean"] + 0.15, found
    assert found["not known"] > found["clean"] + 0.4, found
