"""What a report says and shows is what the alignment holds."""

from __future__ import annotations

import os
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.summary import NOISE_LIMIT, UNFINISHED
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.remark import as_notes, as_serious, as_warnings
from napari_zstack_align.saved import WatchedFrames
from napari_zstack_align.write.report.contents import _parameters, verdict
from napari_zstack_align.write.report.means import pairs_of

SHAPE = (32, 40)
VOID = {"meta", "img", "input", "polyline", "line"}


class Page(HTMLParser):
    """A page's text, images and classes; tags that aren't closed are an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.images: list[np.ndarray] = []
        self.classes: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.classes += (given.get("class") or "").split()
        if tag == "img":
            packed = b64decode(given["src"].removeprefix("data:image/png;base64,"))
            self.images.append(cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_UNCHANGED))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def tissue(n_slices: int = 1) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.stack([cv2.GaussianBlur(rng.random(SHAPE), (0, 0), 2) for _ in range(n_slices)])


def moved(n_slices: int = 1, n_repeats: int = 6, name: str = "larva") -> nza.Alignment:
    """Tissue moved by whole pixels, with the transforms that bring it back."""
    shifts = np.random.default_rng(5).integers(-3, 4, (n_slices * n_repeats, 2))
    clean = np.repeat(1000 * tissue(n_slices), n_repeats, axis=0)
    frames = np.stack([np.roll(f, s, (0, 1)) for f, s in zip(clean, shifts, strict=True)])
    is_recording = n_slices == 1
    stack = nza.Stack.from_array(
        frames.astype(np.float32), "TYX", name=name,
        frames_per_slice=None if is_recording else n_repeats,
        order=None if is_recording else "repeats",
        frame_times_s=np.arange(len(frames)) / 10 if is_recording else None,
    )  # fmt: skip
    matrices = np.tile(np.eye(3), (len(frames), 1, 1))
    matrices[:, :2, 2] = shifts
    quality = empty_table(len(frames), "chunk" if is_recording else "slice")
    quality["used"], quality["correlation_before"], quality["correlation_after"] = True, 0.5, 0.9
    params = nza.KeypointParams(chunk_frames=20) if is_recording else nza.AdaptiveParams(alpha=2.0)
    return nza.Alignment(
        stack, Transforms(SHAPE, (AffineLink(matrices),)), frames[0], quality, params
    )


def written(tmp_path, alignments) -> Page:
    return Page(nza.run(nza.write_report(tmp_path / "report.html", alignments)))


@pytest.mark.parametrize("n_slices", [1, 3])
def test_images_are_the_means_of_raw_and_aligned_frames(n_slices):
    alignment = moved(n_slices)
    pairs = nza.run(pairs_of(alignment))
    inner = (slice(4, -4), slice(4, -4))
    images = [pair for pair in pairs if pair.title.startswith("Mean")]
    assert len(images) == n_slices
    for pair, clean in zip(images, 1000 * tissue(n_slices), strict=True):
        np.testing.assert_allclose(pair.after[inner], clean[inner], rtol=1e-3)
        assert np.abs(pair.before[inner] - clean[inner]).max() > 50


def test_sections_are_those_of_the_volume():
    alignment = moved(3)
    size = replace(alignment.stack, pixel_size_um=(0.5, 0.5), z_step_um=2.0)
    along_x, along_y = nza.run(pairs_of(replace(alignment, stack=size)))[-2:]
    clean = 1000 * tissue(3)
    middle = clean[:, 14:19].mean(axis=1)
    assert along_x.after.shape == (12, SHAPE[1])
    np.testing.assert_allclose(along_x.after[::4, 4:-4], middle[:, 4:-4], rtol=1e-3)
    np.testing.assert_array_equal(along_x.after[0], along_x.after[3])
    assert along_y.after.shape == (12, SHAPE[0])
    assert "to scale" in along_x.title
    assert "unknown" in nza.run(pairs_of(alignment))[-1].title


def test_frames_that_are_not_used_are_in_no_image():
    alignment = moved()
    spoilt = alignment.stack.read(0, 6)[:, 0].copy()
    spoilt[2] = 1e6
    quality = alignment.quality.copy()
    quality["used"][2] = False
    other = nza.Stack.from_array(spoilt, "TYX", name="larva")
    (pair,) = nza.run(pairs_of(replace(alignment, stack=other, quality=quality)))
    assert pair.before.max() < 2000


@pytest.mark.parametrize(("value", "word"), [("follow", "follow"), (0.0, "stiff"), (0.5, "0.5")])
def test_parameters_are_shown_in_their_words(value, word):
    changed, _ = _parameters(nza.AdaptiveParams(between_slices=value))
    assert f"<td>{word}</td><td>auto</td>" in str(changed)


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"channel": 1}, ["channel 1"]),
        ({"channel_weights": (0.0, 2.0)}, ["channel 1"]),
        ({"channel_weights": (1.0, 1.0)}, ["channel 0", "channel 1"]),
        ({"channel": 5}, ["channel 0"]),  # of a stack that the transforms were applied to
    ],
)
def test_the_channels_that_drove_are_shown_and_named(params, shown):
    alignment = moved()
    frames = alignment.stack.read(0, 6)
    both = nza.Stack.from_array(np.concatenate([frames, frames + 500], axis=1), "TCYX")
    driven = nza.KeypointParams(chunk_frames=20, **params)
    pairs = nza.run(pairs_of(replace(alignment, stack=both, params=driven)))
    assert [pair.title.rpartition(", ")[2] for pair in pairs] == shown
    for pair in pairs:
        level = 500 if pair.title.endswith("channel 1") else 0
        np.testing.assert_allclose(np.nanmean(pair.before), level + frames.mean(), rtol=1e-3)


def test_a_page_shows_and_says_it(tmp_path):
    page = written(tmp_path, moved())
    before, after = page.images[:2]
    assert before.shape == after.shape == SHAPE
    assert after[8:-8, 8:-8].std() > 1.2 * before[8:-8, 8:-8].std()
    for words in ("larva", "All 6 frames were judged", "6 frames", "Chunk (frames)", "SHA-256"):
        assert words in page.text
    assert "good" in page.classes


def test_names_are_no_markup(tmp_path):
    page = written(tmp_path, moved(name="<script>alert('&')</script>"))
    assert "<script>alert('&')</script>" in page.text


def test_a_session_is_one_page(tmp_path):
    page = written(tmp_path, [moved(name="rec1"), flagged(moved(name="rec2"), slice(None))])
    assert "Session of 2 recordings" in page.text
    assert "rec1: All 6 frames were judged" in page.text
    assert "rec2: Each of the 6 frames is flagged" in page.text
    assert page.classes[:4] == ["verdict", "good", "verdict", "wrong"]
    assert len(page.images) == 8


def flagged(alignment, frames=1):
    quality = alignment.quality.copy()
    quality["flag"][frames], quality["detail"][frames] = "torn", "torn"
    return replace(alignment, quality=quality)


def unjudged(alignment, frames=slice(None)):
    quality = alignment.quality.copy()
    quality["correlation_after"][frames] = np.nan
    return replace(alignment, quality=quality)


def judged_at(alignment, correlation):
    quality = alignment.quality.copy()
    quality["correlation_after"] = correlation
    return replace(alignment, quality=quality)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda a: a, "good", "All 6 frames were judged, and none is flagged."),
        (lambda a: a.with_remarks(*as_notes("So it was.")), "good", "All 6"),
        (lambda a: a.with_remarks(*as_warnings("Look.")), "doubtful", "1 warning"),
        (lambda a: a.with_remarks(*as_serious("Two planes.")), "wrong", "Two planes."),
        (flagged, "doubtful", "1 of 6 frames is flagged"),
        (lambda a: flagged(a, slice(None)), "wrong", "Each of the 6 frames is flagged"),
        (lambda a: unjudged(a, slice(2)), "doubtful", "2 of 6 frames could not be judged"),
        (unjudged, "wrong", "whether they are aligned is not known"),
        (lambda a: replace(a, provenance={NOISE_LIMIT: 0.95}), "good", "All 6"),
        (lambda a: replace(a, provenance={NOISE_LIMIT: 0.6}), "doubtful", "a pattern of single"),
        (
            lambda a: replace(judged_at(a, 0.5), provenance={NOISE_LIMIT: 0.9}),
            "doubtful",
            "other tissue",
        ),
        (
            lambda a: replace(a, provenance={UNFINISHED: True}),
            "doubtful",
            "Not all of it was run",
        ),
    ],
)
def test_the_verdict(change, kind, words):
    found, sentence = verdict(change(moved()))
    assert found == kind
    assert words in sentence


def test_frames_that_were_not_run_are_drawn_nowhere(tmp_path):
    alignment = moved()
    quality = alignment.quality.copy()
    quality["flag"][3:] = "not run"
    quality["correlation_after"][3:] = np.nan
    page = (tmp_path / "report.html", replace(alignment, quality=quality))
    text = nza.run(nza.write_report(*page)).read_text(encoding="utf-8")
    lines = [part.split('"')[0] for part in text.split('class="after" points="')[1:]]
    assert [len(line.split()) for line in lines] == [3, 3]  # dx, and the correlation after


@pytest.mark.parametrize(
    ("name", "before", "words"),
    [
        ("report.pdf", None, "must end in .html"),
        ("report.html", b"<html>a page of mine</html>", "was not exported by"),
        ("missing/report.html", None, "there is no folder"),
    ],
)
def test_bad_names(tmp_path, name, before, words):
    path = tmp_path / name
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(nza.InputError, match=words):
        nza.write_report(path, moved(), overwrite=True)
    assert before is None or path.read_bytes() == before


def test_a_report_replaces_one_where_it_may(tmp_path):
    path = nza.run(nza.write_report(tmp_path / "report.html", moved(name="one")))
    with pytest.raises(nza.InputError, match="exists already"):
        nza.write_report(path, moved(name="two"))
    nza.run(nza.write_report(path, moved(name="two"), overwrite=True))
    assert "two" in Page(path).text


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_frames_that_have_changed_are_not_shown_as_those_that_were_aligned(tmp_path, when):
    alignment = moved()
    file = tmp_path / "raw.npy"
    pixels = alignment.stack.read(0, 6)[:, 0]
    np.save(file, pixels)
    frames = WatchedFrames(nza.open_stack(file))
    frames.stack.read(0, 6)
    of_file = replace(alignment, stack=nza.open_stack(file), frame_digests=frames.seen())
    nza.run(nza.write_report(tmp_path / "whole.html", of_file))
    job = nza.write_report(tmp_path / "report.html", of_file)
    next(job)
    if when == "meanwhile":
        next(job)
    np.save(file, np.roll(pixels, 9, axis=2))
    os.utime(file, (0, 0))
    with pytest.raises(nza.ZstackAlignError, match="changed"):
        nza.run(job)
    assert not (tmp_path / "report.html").exists()


def test_flagged_frames_have_their_numbers_in_the_files(tmp_path):
    alignment = flagged(moved())
    stack = alignment.stack.replace(frame_numbers=np.arange(6) * 4 + 2)
    text = nza.run(nza.write_report(tmp_path / "a.html", replace(alignment, stack=stack)))
    assert "<td>torn</td><td>1 frame</td><td>6</td>" in text.read_text(encoding="utf-8")


def test_a_cancel_leaves_nothing(tmp_path):
    job = nza.write_report(tmp_path / "report.html", moved())
    next(job)
    next(job)
    job.close()
    assert list(tmp_path.iterdir()) == []
