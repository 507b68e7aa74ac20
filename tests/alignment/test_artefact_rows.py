"""Rows of single frames that don't come from tissue, as tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.artefact_rows import (
    NO_ROWS,
    ROWS,
    RowKind,
    joined_rows,
    left_out,
    rows_of_frame,
    rows_of_frames,
)
from napari_zstack_align.alignment.identity import identity_of_alignment
from napari_zstack_align.write.made_of import made_of

TABLE = np.array([(2, 30, 41, "dark")], ROWS)


@pytest.mark.parametrize("seed", range(8))
def test_a_table_holds_the_rows_of_a_frame(seed):
    kinds = np.repeat(np.random.default_rng(seed).integers(0, 3, 12), 3).astype(np.uint8)
    table = rows_of_frame(5, kinds)
    np.testing.assert_array_equal(left_out(table, len(kinds)), kinds != RowKind.TISSUE)
    for kind in (RowKind.DARK, RowKind.BRIGHT):
        some = left_out(table[table["kind"] == kind.name.lower()], len(kinds))
        np.testing.assert_array_equal(some, kinds == kind)
    assert (table["frame"] == 5).all()


def test_a_frame_of_tissue_has_no_rows():
    assert not len(rows_of_frame(5, None))
    assert not len(rows_of_frames(None, 0, 9))


def test_tables_are_joined_in_the_order_of_the_frames():
    tables = [rows_of_frame(t, np.array([0, 1, 2], np.uint8)) for t in (4, 0, 2)]
    table = joined_rows([NO_ROWS, *tables])
    assert table["frame"].tolist() == [0, 0, 2, 2, 4, 4]
    assert table["first_row"].tolist() == [1, 2] * 3
    assert rows_of_frames(table, 1, 4)["frame"].tolist() == [2, 2]
    assert joined_rows([]).dtype == ROWS


@pytest.mark.thorough
def test_rows_are_missing_where_images_are_made_of_many_frames(alignment):
    with_rows = replace(alignment, artefact_rows=TABLE)
    raw = alignment.stack.read(2, 3)[0, 0]
    (image, valid), (plain, valid_before) = (
        each.resample_measured(raw, 2) for each in (with_rows, alignment)
    )
    assert (valid_before & ~valid).any(axis=1).sum() >= 12
    np.testing.assert_array_equal(image[valid], plain[valid])
    for t in (1, 3):
        raw = alignment.stack.read(t, t + 1)[0, 0]
        for got, expected in zip(
            with_rows.resample_measured(raw, t), alignment.resample_measured(raw, t), strict=True
        ):
            np.testing.assert_array_equal(got, expected)


def test_pixels_of_many_digits_keep_them(alignment):
    raw = alignment.stack.read(2, 3)[0, 0].astype(np.uint32) + 2**28
    image, valid = replace(alignment, artefact_rows=TABLE).resample_measured(raw, 2)
    plain, _ = alignment.resample_measured(raw, 2)
    np.testing.assert_allclose(image[valid], plain[valid], atol=1e-3)


def test_rows_of_another_recording_are_not_claimed(recording):
    known = replace(recording, artefact_rows=TABLE)
    frames = recording.stack.read(0, 40)[:, 0]
    other = nza.Stack.from_array(frames // 2, name="red")
    assert nza.apply_transforms(other, known).artefact_rows is None
    same = nza.apply_transforms(recording.stack, known)
    np.testing.assert_array_equal(same.artefact_rows, TABLE)


def test_other_rows_are_another_alignment(alignment):
    known, other = (replace(alignment, artefact_rows=t) for t in (TABLE, NO_ROWS))
    assert made_of(known, "volume") != made_of(other, "volume")
    assert "artefact_rows" not in identity_of_alignment(replace(alignment, artefact_rows=None))
    np.testing.assert_array_equal(identity_of_alignment(known)["artefact_rows"], TABLE)
