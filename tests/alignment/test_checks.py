"""Checks that every job on raw frames makes of what it is given."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.checks import check_frames_at_hand, check_raw_files_stay
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.flags import unreadable

FRAMES = np.zeros((6, 24, 32), np.uint16)


@pytest.fixture
def gone():
    stack = nza.Stack.from_array(FRAMES, "TYX", name="rec")
    return stack.replace(
        source=MissingSource(stack.shape, stack.dtype, "rec is gone: put it back.")
    )


def test_frames_that_are_there_pass():
    check_frames_at_hand(nza.Stack.from_array(FRAMES, "TYX"))


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(lambda stack: nza.extract_traces(stack, [[9, 9, 3]], None), id="traces"),
        pytest.param(lambda stack: nza.estimate_zshift(stack, FRAMES), id="z-shift"),
        pytest.param(lambda stack: nza.register_recordings([stack]), id="recordings"),
        pytest.param(nza.align_adaptive, id="z-stack"),
    ],
)
def test_every_job_refuses_missing_frames_and_arrays_at_the_call(job, gone):
    with pytest.raises(nza.InputError, match="rec is gone: put it back"):
        job(gone)
    with pytest.raises(nza.InputError, match="must be a Stack, not ndarray"):
        job(FRAMES)


@pytest.mark.parametrize(
    "use",
    [
        nza.align_adaptive,
        nza.register_recordings,
        nza.propose_frames_per_slice,
        nza.source_image,
        nza.describe,
        lambda given: nza.extract_traces(given, [[9, 9, 3]], None),
        lambda given: nza.extract_session_traces([given], [[9, 9, 3]], [None]),
        lambda given: nza.estimate_zshift(given, FRAMES),
        lambda given: nza.apply_transforms(given, aligned(nza.Stack.from_array(FRAMES, "TYX"))),
    ],
)
@pytest.mark.parametrize("given", ["foo", FRAMES[0], None])
def test_what_is_no_stack_is_one_sentence(use, given):
    with pytest.raises(nza.InputError, match="z-stack or recording must be a Stack, not"):
        use(given)


def test_exports_refuse_missing_frames_and_other_things_at_the_call(gone, tmp_path):
    with pytest.raises(nza.InputError, match="rec is gone: put it back"):
        nza.export_alignment(tmp_path / "run.ome.tif", aligned(gone))
    with pytest.raises(nza.InputError, match="Give an Alignment, not str: load it with"):
        nza.export_alignment(tmp_path / "run.ome.tif", "run.zalign")
    assert not list(tmp_path.iterdir())


def aligned(stack):
    """Alignment of frames that don't move."""
    transforms = nza.Transforms((24, 32), (AffineLink(np.tile(np.eye(3), (6, 1, 1))),))
    return nza.apply_transforms(stack, transforms, reference=np.zeros((24, 32)))


def test_a_sentence_of_reading_ends_once():
    assert unreadable(nza.InputError("x is gone.")).detail == "unreadable: x is gone"


@pytest.mark.parametrize("channel", [-1, 1])
def test_a_channel_that_is_not_there_is_named_with_its_parameter(channel):
    stack = nza.Stack.from_array(FRAMES, "TYX", name="rec")
    assert stack.checked_channel(0) == 0
    with pytest.raises(nza.InputError, match=f"no channel {channel}.*0 to 0; set 'reference_ch"):
        stack.checked_channel(channel, "reference_channel")


def test_parameters_of_another_step_are_refused():
    assert nza.TraceParams.given(None) == nza.TraceParams()
    with pytest.raises(nza.InputError, match="must be TraceParams, not BlobParams"):
        nza.TraceParams.given(nza.BlobParams())


@pytest.mark.parametrize(
    ("axes", "given", "said"),
    [
        ("TZYX", {}, "movie holds 4 planes × 6 volumes"),
        ("ZTYX", {}, "movie holds 6 planes × 4 repeats"),
    ],
)
def test_several_planes_are_no_recording(axes, given, said):
    frames = np.random.default_rng(0).poisson(9, (6, 4, 32, 40)).astype(np.uint16)
    stack = nza.Stack.from_array(frames, axes, name="movie", **given)
    for job in (
        lambda: nza.register_recordings([stack]),
        lambda: nza.estimate_zshift(stack, frames[0]),
        lambda: nza.extract_traces(stack, [[10, 10, 3]], None),
    ):
        with pytest.raises(nza.InputError, match=said) as error:
            job()
        assert "`plane=0` to" in str(error.value)
    nza.register_recordings([stack.plane(0)]).close()


def test_time_that_was_saved_as_z_and_rois_of_slices_stay_allowed():
    frames = np.random.default_rng(0).poisson(9, (6, 4, 32, 40)).astype(np.uint16)
    nza.register_recordings([nza.Stack.from_array(frames[:, 0], "ZYX")]).close()
    nza.register_recordings([nza.Stack.from_array(frames[:, :1], "TZYX")]).close()
    rois = nza.Rois.of([[10, 10, 3]], slices=[[1, 1]])
    nza.extract_traces(nza.Stack.from_array(frames, "TZYX"), rois, None).close()


@pytest.mark.parametrize("written", ["raw/data.bin", "raw", "link", "raw/../raw", "link/data.bin"])
def test_raw_frames_are_not_replaced_by_the_name_of_what_holds_them(written, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "link").symlink_to("raw")
    with pytest.raises(nza.InputError, match="holds the raw frames themselves"):
        check_raw_files_stay(tmp_path / written, [tmp_path / "raw/data.bin"])


@pytest.mark.parametrize("written", ["raw/other.tif", "raw.bin", "ra", "new"])
def test_a_name_beside_raw_frames_is_free(written, tmp_path):
    check_raw_files_stay(tmp_path / written, [tmp_path / "raw/data.bin"])
