"""A search with a journal goes on from where it was stopped, to the same bits."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from tissue import N_SLICES, SHAPE, drift, record, volume

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.flags import Flag
from napari_zstack_align.saved import journal_folder
from napari_zstack_align.zshift import locate, over_time, smoothing

N_FRAMES, WINDOW = 24, 4
PARAMS = nza.ZShiftParams(patch_px=48)


class Source:
    """Frames that note which of them are read; some can't be."""

    def __init__(self, frames, broken=()):
        self.frames, self.broken = frames[:, np.newaxis], set(broken)
        self.shape, self.dtype = self.frames.shape, self.frames.dtype
        self.reads = []

    def read(self, start, stop):
        if self.broken & set(range(start, stop)):
            raise OSError("disk on fire")
        self.reads += range(start, stop)
        return self.frames[start:stop]


@pytest.fixture(autouse=True)
def short_windows(monkeypatch):
    monkeypatch.setattr(locate, "MOST_PIXELS", WINDOW * SHAPE[0] * SHAPE[1])


@pytest.fixture(scope="module")
def frames():
    return record(drift(N_FRAMES))


@pytest.fixture(scope="module")
def slices():
    return volume()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "larva.zalign"


@pytest.fixture
def files(tmp_path, frames, slices):
    """A recording and its reference on disk."""
    for name, pixels in (("larva", frames), ("reference", slices)):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, photometric="minisblack")
    return tmp_path / "larva.tif", tmp_path / "reference.tif"


def of_files(files, target, params=PARAMS, link=None, **how):
    """Depths of a recording on disk, and which frames and slices were read for it."""
    stacks = [nza.open_stack(path) for path in files]
    sources = [Source(stack.read(0, stack.n_frames)[:, 0]) for stack in stacks]
    stack, reference = (replace(s, source=r) for s, r in zip(stacks, sources, strict=True))
    alignment = None
    if link is not None:
        alignment = nza.apply_transforms(stack, Transforms(SHAPE, (link,)), np.zeros(SHAPE))
        sources[0].reads.clear()
    zshift = nza.run(nza.estimate_zshift(stack, reference, params, alignment, journal=target))
    return bits(zshift), *(sorted(source.reads) for source in sources)


def bits(zshift):
    arrays = (zshift.z, zshift.patch_z, zshift.raw_patch_z, zshift.patch_confidence)
    more = (zshift.lateral, zshift.quality, zshift.slice_gain, np.array(zshift.anchor))
    return [each.tobytes() for each in (*arrays, *more, zshift.reference.read(0, N_SLICES))]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [(1, 3), (3, 1)])
def test_it_goes_on_to_the_same_bits(frames, slices, target, threads):
    """An array's frames are compared by digest; the first of a window is sought in all slices."""

    def start(source, journal, n_threads):
        return nza.estimate_zshift(
            nza.Stack(source), slices, PARAMS, threads=n_threads, journal=journal
        )

    whole = bits(nza.run(start(Source(frames), None, 1)))
    for step in (job := start(Source(frames), target, threads[0])):
        if step.stage == "Finding frames in the reference" and step.done >= 2 * WINDOW:
            break
    job.close()
    folder = journal_folder(target)
    kept = len(list(folder.glob("recording-window*.unit")))
    assert kept >= 2
    assert len(list(folder.glob("reference-slice*.unit"))) == N_SLICES
    notes = []
    zshift = nza.run(start(Source(frames), target, threads[1]), lambda s: notes.append(s.note))
    assert bits(zshift) == whole
    said = f"Going on with larva.zalign.unfinished: {kept * WINDOW} of {N_FRAMES} frames were"
    assert [note for note in notes if note] == [f"{said} finished."]
    assert zshift.save(target) == target
    assert not folder.exists()
    assert bits(nza.load_zshift(target, zshift.stack)) == whole


def test_how_much_is_in_work_at_once_changes_no_bit(files, monkeypatch):
    """But the windows: the first frame of each is sought in the whole stack."""
    whole, *_ = of_files(files, None)
    monkeypatch.setattr(smoothing, "MOST_NUMBERS", 100)
    monkeypatch.setattr(over_time, "FRAMES_A_YIELD", 3)
    assert of_files(files, None)[0] == whole


def test_windows_of_another_length_are_found_anew(files, target, monkeypatch):
    of_files(files, target)
    monkeypatch.setattr(locate, "MOST_PIXELS", 2 * WINDOW * SHAPE[0] * SHAPE[1])
    found, frames, slices = of_files(files, target)
    assert (frames, slices) == (list(range(N_FRAMES)), [])
    assert found == of_files(files, None)[0]


def test_stopped_at_the_reference_it_goes_on_there(files, target):
    whole, *_ = of_files(files, None)
    stack, reference = map(nza.open_stack, files)
    for step in (job := nza.estimate_zshift(stack, reference, PARAMS, journal=target)):
        if step.stage == "Reading the reference" and step.done == 4:
            break
    job.close()
    found, frames, slices = of_files(files, target)
    assert found == whole
    assert frames == list(range(N_FRAMES))
    assert slices == list(range(N_SLICES - len(slices), N_SLICES))
    assert len(slices) in (N_SLICES - 4, N_SLICES - 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "is_read"),
    [
        ({"smooth_time": False, "bending": 0.1, "min_confidence": 0.6}, False),
        ({"equalise_slices": False}, False),
        ({"window_slices": 3}, True),
        ({"coarse_px": 5.0}, True),
    ],
    ids=["smoothing", "movies", "window", "band"],
)
def test_a_parameter_finds_anew_what_it_touches(files, target, params, is_read):
    of_files(files, target)
    changed = PARAMS.replace(**params)
    found, frames, slices = of_files(files, target, changed)
    assert (frames, slices) == (list(range(N_FRAMES)) if is_read else [], [])
    assert found == of_files(files, None, changed)[0]


@pytest.mark.thorough
@pytest.mark.slow
def test_a_transform_a_frame_or_a_slice_finds_anew_what_it_touches(files, target):
    link = AffineLink(np.tile(np.eye(3), (N_FRAMES, 1, 1)))
    of_files(files, target, link=link)
    link.matrices[9, 0, 2] += 0.5
    found, frames, _ = of_files(files, target, link=link)
    assert found == of_files(files, None, link=link)[0]
    assert frames == [8, 9, 10, 11]

    pixels = tifffile.imread(files[0])
    pixels[13, 5, 5] += 1
    tifffile.imwrite(files[0], pixels, photometric="minisblack")
    os.utime(files[0], ns=(5, 5))
    found, frames, _ = of_files(files, target, link=link)
    assert found == of_files(files, None, link=link)[0]
    assert frames == sorted([*range(N_FRAMES), 12, 13, 14, 15]), "all to compare, those to find"

    pixels = tifffile.imread(files[1])
    pixels[3, 5, 5] += 1
    tifffile.imwrite(files[1], pixels, photometric="minisblack")
    os.utime(files[1], ns=(5, 5))
    found, frames, slices = of_files(files, target, link=link)
    assert found == of_files(files, None, link=link)[0]
    assert slices == sorted([*range(N_SLICES), 3])
    assert all(frames.count(t) >= 1 for t in range(N_FRAMES))


@pytest.mark.thorough
def test_another_alignment_or_reference_is_another_run(frames, slices, target):
    """The result of one doesn't take the journal of the other with it."""
    stack = nza.Stack.from_array(frames[:WINDOW])
    link = AffineLink(np.tile(np.eye(3), (WINDOW, 1, 1)))

    def start(reference, x=None):
        alignment = None
        if x is not None:
            link.matrices[1, 0, 2] = x
            alignment = nza.apply_transforms(stack, Transforms(SHAPE, (link,)), np.zeros(SHAPE))
        job = nza.estimate_zshift(stack, reference, PARAMS, alignment, journal=target)
        return nza.run(job)

    brighter = slices.copy()
    brighter[0, 0, 0] += 1
    ids = [
        start(*how).provenance["journal"]
        for how in ((slices,), (slices.copy(),), (brighter,), (slices, 0.0), (slices, 0.5))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    first, second = start(slices, 0.0), start(slices, 0.5)
    first.save(target)
    assert journal_folder(target).exists()
    second.save(target)
    assert not journal_folder(target).exists()


@pytest.mark.thorough
def test_an_aligned_reference_is_resampled_once(tmp_path, frames, slices, target):
    """Its slices depend on its transforms and on which repeats are used."""
    raw = np.repeat(slices, 2, axis=0)
    tifffile.imwrite(tmp_path / "zstack.tif", raw, photometric="minisblack")
    opened = nza.open_stack(tmp_path / "zstack.tif", frames_per_slice=2)
    link = AffineLink(np.tile(np.eye(3), (len(raw), 1, 1)))
    stack = nza.Stack.from_array(frames)

    def run(journal):
        source = Source(raw)
        reference = nza.apply_transforms(
            replace(opened, source=source), Transforms(SHAPE, (link,)), np.zeros(SHAPE)
        )
        reference.quality["used"][7] = used
        zshift = nza.run(nza.estimate_zshift(stack, reference, PARAMS, journal=journal))
        return bits(zshift), sorted(source.reads)

    used = True
    whole, _ = run(None)
    assert run(target) == (whole, list(range(len(raw))))
    assert run(target) == (whole, [])
    link.matrices[4, 1, 2] += 1
    found, reads = run(target)
    assert found == run(None)[0]
    assert reads == [4, 5]
    used = False
    found, reads = run(target)
    assert found == run(None)[0]
    assert reads == [6]


@pytest.mark.thorough
def test_frames_that_cannot_be_read_are_tried_again(frames, slices, target):
    def run(broken, journal):
        stack = nza.Stack(Source(frames, broken))
        return nza.run(nza.estimate_zshift(stack, slices, PARAMS, journal=journal))

    zshift = run([13], target)
    assert zshift.flags[13] == Flag.UNREADABLE
    assert not zshift.complete
    n_windows = len(list(journal_folder(target).glob("recording-*.unit")))
    assert n_windows == N_FRAMES // WINDOW - 1
    assert bits(run([], target)) == bits(run([], None))
    zshift.save(target)
    assert journal_folder(target).exists(), "it isn't complete"


def test_a_slice_that_cannot_be_read_is_one_sentence(frames, slices):
    reference = nza.Stack(Source(slices, [3]), name="brain")
    job = nza.estimate_zshift(nza.Stack.from_array(frames), reference, PARAMS)
    with pytest.raises(nza.InputError, match="Slice 3 of the reference brain can't be read: disk"):
        nza.run(job)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["Reading the reference", "Finding frames in the reference"])
@pytest.mark.parametrize("threads", [1, 3])
def test_closed_it_reads_no_frame_more_than_one_a_thread(
    frames, slices, target, stage, threads, monkeypatch
):
    """As if a frame took as long as a portion may take."""
    monkeypatch.setattr("napari_zstack_align.paced.PORTION_S", 0.0)
    sources = Source(frames), Source(slices)
    stack, reference = map(nza.Stack, sources)
    job = nza.estimate_zshift(stack, reference, PARAMS, threads=threads, journal=target)
    for step in job:
        if step.stage == stage and step.done:
            break
    before = [len(source.reads) for source in sources]
    job.close()
    more = [len(source.reads) - n for source, n in zip(sources, before, strict=True)]
    assert sum(more) <= threads
