"""What is said of an alignment, in one text for everyone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.summary import count, median_correlations
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.remark import as_notes, as_serious, as_warnings


def alignment(
    n_frames: int = 12, frames_per_slice: int | None = 4, **facts: object
) -> nza.Alignment:
    stack = nza.Stack.from_array(
        np.ones((n_frames, 20, 24), np.uint16), frames_per_slice=frames_per_slice
    )
    quality = empty_table(n_frames, "chunk" if frames_per_slice is None else "slice")
    quality["used"] = True
    quality["correlation_before"], quality["correlation_after"] = 0.31, 0.462
    return nza.Alignment(
        stack,
        identity(n_frames, (20, 24)),
        np.zeros((20, 24), np.float32),
        quality,
        KeypointParams(),
        provenance=facts,
    )


def test_frames_correlations_and_the_limit() -> None:
    assert alignment(noise_limit=0.483).summary() == (
        "12 frames in 3 slices: 0 flagged, 0 left out of the volume. Median correlation with the "
        "others 0.31 before, 0.46 after; photon noise allows about 0.48."
    )


def test_flags_by_kind_and_frames_not_run() -> None:
    result = alignment(frames_per_slice=None)
    result.quality["flag"][:3] = ["torn", "saturated", "torn"]
    result.quality["flag"][10:] = "not run"
    result.quality["used"][[0, 1, 2, 10, 11]] = False
    assert result.summary().startswith(
        "10 frames in 1 chunk: 3 flagged (1 saturated, 2 torn), 3 left out of the means, 2 not run."
    )


def test_what_could_not_be_judged_is_not_good() -> None:
    result = alignment()
    result.quality["correlation_after"] = np.nan
    doubt, figures = result.summary().splitlines()
    assert doubt.startswith("Warning: None of the frames was judged")
    assert figures == (
        "  12 frames in 3 slices: 0 flagged, 12 not judged (nothing to compare them with), 0 left "
        "out of the volume."
    )
    counts = count(result.quality)
    assert (counts.good, counts.not_judged, counts.flagged, counts.not_run) == (0, 12, 0, 0)
    result.quality["correlation_after"][5] = 0.4
    assert "Warning" not in result.summary()


@pytest.mark.parametrize(("frames_per_slice", "group"), [(None, "chunk"), (4, "slice")])
def test_a_stopped_run_counts_what_was_run_and_leaves_judging_open(
    frames_per_slice: int | None, group: str
) -> None:
    result = alignment(frames_per_slice=frames_per_slice)
    result.quality[group] = np.arange(12) // 4
    result.quality["correlation_after"] = np.nan
    result.quality["flag"][4:] = "not run"
    result.quality["used"][4:] = False
    assert result.summary().startswith(f"4 frames in 1 of 3 {group}s: 0 flagged, 4 not judged")
    assert "None of the frames was judged" not in result.summary()


def test_only_used_frames_count_in_the_medians() -> None:
    result = alignment()
    result.quality["correlation_after"][:7] = 0.01
    result.quality["used"][:7] = False
    assert median_correlations(result.quality) == pytest.approx((0.31, 0.462))
    result.quality["used"] = False
    assert median_correlations(result.quality) is None


def test_it_opens_with_what_makes_it_doubtful_and_ends_with_notes() -> None:
    remarks = (
        *as_notes("Nothing was tested"),
        *as_warnings("The last slice is short."),
        *as_serious("The layout looks wrong: it does", "And the frames are copies."),
        *as_warnings("The last slice is short."),
    )
    lines = alignment(remarks=remarks).summary().splitlines()
    assert lines[:2] == [
        "Warning: The layout looks wrong: it does.",
        "  Warning: And the frames are copies.",
    ]
    assert lines[2].startswith("  12 frames in 3 slices: 0 flagged")
    assert lines[3:] == ["  Warning: The last slice is short.", "  Note: Nothing was tested."]


def test_a_repr_is_one_short_line() -> None:
    good = alignment()
    assert repr(good) == "<Alignment of array: 12 frames in 3 slices, 0 flagged>"
    good.quality["flag"][:2] = "torn"
    odd = replace(good, provenance={"remarks": [*as_serious("Wrong."), *as_warnings("Odd.")]})
    assert repr(odd) == (
        "<Alignment of array: 12 frames in 3 slices, 2 flagged; 2 warnings: see summary()>"
    )


def test_a_saved_result_says_the_same(tmp_path) -> None:
    result = alignment(remarks=["The last slice is short."], noise_limit=0.48)
    loaded = nza.load_alignment(result.save(tmp_path / "a"))
    assert loaded.summary() == result.summary()
    unknown = replace(result, provenance={"noise_limit": None})
    assert "noise" not in unknown.summary()


def test_more_than_noise_allows_is_no_praise() -> None:
    text = alignment(noise_limit=0.2).summary()
    assert "0.46 after; more than photon noise allows (0.20): a pattern of single pixels" in text


def test_much_less_than_noise_allows_is_said() -> None:
    text = alignment(noise_limit=0.97).summary()
    assert "0.46 after; much less than photon noise allows (0.97): other tissue, motion" in text


@pytest.mark.parametrize(
    ("before", "after", "limit", "motion", "doubtful"),
    [
        (0.54, 0.51, 0.62, "translation", True),
        (0.51, 0.55, 0.62, "translation", True),
        (0.60, 0.60, 0.63, "spline", True),
        (0.65, 0.76, 0.78, "translation", False),  # they came to their places
        (0.60, 0.61, 0.61, "translation", False),  # nothing more was possible
        (0.54, 0.51, 0.62, "trace", False),  # of means of chunks
        (0.80, 0.85, 0.97, "translation", False),  # bright frames of tissue that changes
        (0.54, 0.51, None, "translation", False),
    ],
)
def test_single_frames_that_are_too_dim_to_be_placed(before, after, limit, motion, doubtful):
    made = alignment(frames_per_slice=None, noise_limit=limit, single_frames=motion)
    quality = made.quality.copy()
    quality["correlation_before"], quality["correlation_after"] = before, after
    made = replace(made, quality=quality)
    assert ("too dim to be placed" in made.summary()) == doubtful
    assert made.summary().startswith("Warning: Single frames") == doubtful
