"""ROIs know what they were made on, and are told where that is something else."""

from __future__ import annotations

import csv
import dataclasses
import shutil

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.cells.made_on import made_on, mark_in, remarks_on_place

CIRCLES = [[20.0, 20.0, 4.0], [30.0, 12.0, 3.0]]


def movie(seed, name="rec"):
    frames = np.random.default_rng(seed).poisson(40, (6, 48, 56)).astype(np.uint16)
    return nza.Stack.from_array(frames, "TYX", name=name)


def aligned(stack, reference=0):
    image = np.random.default_rng(100 + reference).normal(size=(48, 56)).astype(np.float32)
    transforms = nza.Transforms((48, 56), (AffineLink(np.tile(np.eye(3), (6, 1, 1))),))
    return nza.apply_transforms(stack, transforms, reference=image)


def on(source):
    return nza.Rois.of(CIRCLES, made_on=made_on(source))


def words(rois, stack, alignment=None):
    """What the traces say of the place of the ROIs, by severity."""
    traces = nza.run(nza.extract_traces(stack, rois, alignment))
    found = [each for each in traces.remarks if "fit the reference" in each or "circles" in each]
    return [str(each.severity) for each in found], " ".join(found)


rec, other = movie(0), movie(1)


@pytest.mark.parametrize(
    ("rois", "alignment", "severity", "said"),
    [
        (on(aligned(rec)), aligned(rec), [], ""),
        (on(aligned(other)), aligned(rec), [], ""),  # a session: one reference
        (nza.Rois.of(CIRCLES), aligned(rec), [], ""),
        (on(rec), None, [], ""),
        (
            on(aligned(rec, 1)),
            aligned(rec),
            ["warning"],
            "on the reference of another alignment, not on that of rec",
        ),
        (on(rec), aligned(rec), ["warning"], "made on the raw frames of rec"),
        (on(other), aligned(rec), ["note"], "made on other frames: whether they fit"),
        (nza.Rois.of(CIRCLES, made_on=""), aligned(rec), ["note"], "table that names no reference"),
        (on(aligned(rec)), None, ["warning"], "lie on an aligned reference, but no alignment"),
        (on(other), None, ["warning"], "No alignment of rec is given: circles stay"),
        (nza.Rois.of(CIRCLES), None, ["warning"], "No alignment of rec is given: circles stay"),
        (nza.Rois.of(CIRCLES, made_on=""), None, ["warning"], "give its `alignment`"),
    ],
)
def test_what_does_not_belong_together_is_said(rois, alignment, severity, said):
    severities, text = words(rois, rec, alignment)
    assert severities == severity
    assert said in text


def test_arrays_of_circles_are_their_makers_matter():
    assert words(CIRCLES, rec, aligned(rec))[0] == []
    assert words(CIRCLES, rec)[0] == ["warning"]


def test_a_renamed_moved_or_repeated_result_is_no_other(tmp_path):
    np.save(tmp_path / "rec.npy", rec.read(0, 6)[:, 0])
    ali = aligned(nza.open_stack(tmp_path / "rec.npy"))
    rois = on(ali)
    rois.save(tmp_path / "rois.csv")
    ali.save(tmp_path / "a.zalign")
    (tmp_path / "moved").mkdir()
    shutil.move(tmp_path / "a.zalign", tmp_path / "moved" / "b.zalign")
    shutil.move(tmp_path / "rec.npy", tmp_path / "other.npy")
    stack = nza.open_stack(tmp_path / "other.npy")
    moved = nza.load_alignment(tmp_path / "moved" / "b.zalign", stack)
    again = nza.load_rois(tmp_path / "rois.csv")
    assert again.made_on == rois.made_on == made_on(aligned(stack))
    assert words(again, moved.stack, moved)[0] == []
    raw = on(rec)
    assert words(raw, stack) == ([], "")
    gone = nza.load_alignment(tmp_path / "moved" / "b.zalign")
    assert made_on(gone) == rois.made_on, "without its raw frames"


def test_changes_keep_it(tmp_path):
    mark = made_on(aligned(rec))
    rois = on(aligned(rec))
    for changed in (
        rois.added((5, 5, 2)),
        rois.moved(1, (6, 6)),
        rois.without(2),
        rois.with_features(kind=["a", "b"]),
        rois.where([1]),
    ):
        assert changed.made_on == mark
        assert nza.load_rois(changed.save(tmp_path / f"{id(changed)}.csv")).made_on == mark


def table(tmp_path, marks, name="made_on"):
    path = tmp_path / "table.csv"
    rows = [["id", "y", "x", "radius", name]]
    rows += [[i, 9 + i, 9, 3, mark] for i, mark in enumerate(marks, 1)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return nza.load_rois(path)


MARK = "reference-0123456789abcdef"


@pytest.mark.parametrize(
    ("marks", "mark", "features"),
    [
        ([MARK, MARK], MARK, []),
        ([MARK, ""], MARK, []),  # a row that was added by hand
        ([MARK, MARK.replace("f", "e")], "", ["made_on"]),
        (["GCaMP", "GCaMP"], "", ["made_on"]),
        (["", ""], "", ["made_on"]),
    ],
)
def test_a_column_of_marks(tmp_path, marks, mark, features):
    rois = table(tmp_path, marks)
    assert rois.made_on == mark
    assert list(rois.features) == features


def test_tables_of_others_are_as_they_were(tmp_path):
    rois = table(tmp_path, ["monday", "monday"], name="day")
    assert rois.made_on == ""
    assert rois.features["day"].tolist() == ["monday"] * 2
    saved = rois.save(tmp_path / "again.csv")
    assert "made_on" not in saved.read_text()
    assert mark_in([]) == ""


def test_cells_of_a_z_stack_know_their_alignment():
    frames = np.random.default_rng(0).poisson(5, (4, 64, 64)).astype(np.uint16)
    frames[:, 28:36, 28:36] += 60
    stack = nza.Stack.from_array(frames, frames_per_slice=2)
    image = frames[0].astype(np.float32)
    transforms = nza.Transforms((64, 64), (AffineLink(np.tile(np.eye(3), (4, 1, 1))),))
    ali = nza.apply_transforms(stack, transforms, reference=image)
    params = nza.BlobParams(min_sigma=2, max_sigma=5)
    assert nza.run(nza.detect_cells(ali, params)).made_on == made_on(ali)
    assert nza.run(nza.detect_cells(stack, params)).made_on == made_on(stack)
    assert nza.run(nza.detect_cells(frames, params)).made_on is None


def test_traces_carry_it(tmp_path):
    rois, ali = on(aligned(rec)), aligned(rec)
    traces = nza.run(nza.extract_traces(rec, rois, ali))
    again = nza.load_traces(traces.save(tmp_path / "t"))
    assert again.rois.made_on == rois.made_on
    assert not remarks_on_place(again.rois.made_on, rec, ali)
    lost = dataclasses.replace(again.rois, made_on="")
    assert remarks_on_place(lost.made_on, rec, ali)
