"""`open_stack(line_phase=...)`: what is moved, what is remembered, and the same view again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from microscope.scans import noisy, scanned, tissue

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main
from napari_zstack_align.microscope import mean_segments
from napari_zstack_align.said import Said
from napari_zstack_align.saved.keys import identity_of, layout_of


@pytest.fixture(scope="module")
def clean():
    rng = np.random.default_rng(0)
    return noisy(rng, tissue(rng), 60, photons=20)


@pytest.fixture
def file(tmp_path, clean):
    frames = clean.copy()
    frames[:, 1::2] = np.roll(clean[:, 1::2], 3, axis=2)
    tifffile.imwrite(tmp_path / "scan.tif", frames)
    return tmp_path / "scan.tif"


@pytest.mark.parametrize("line_phase", ["auto", 3, 3.2, (3, 3, 3)])
def test_lines_are_moved_back(file, clean, line_phase):
    stack = nza.open_stack(file, line_phase=line_phase)
    np.testing.assert_array_equal(stack.read(0, 60)[:, 0, :, :-3], clean[:, :, :-3])
    assert "Lines were moved back: every second line by 3" in " ".join(stack.remarks)


def test_without_it_nothing_is_read_or_moved(file, monkeypatch):
    monkeypatch.setattr("napari_zstack_align.sources.ArraySource.read", None)
    stack = nza.open_stack(file)
    assert stack.said.line_phase is None


def test_auto_leaves_clean_lines(tmp_path, clean):
    tifffile.imwrite(tmp_path / "clean.tif", clean)
    stack = nza.open_stack(tmp_path / "clean.tif", line_phase="auto")
    np.testing.assert_array_equal(stack.read(0, 60)[:, 0], clean)
    assert stack.said == Said()
    (remark,) = stack.remarks
    assert "no line phase was corrected" in remark
    assert "± 0.0" in remark


def test_what_auto_found_is_remembered_as_a_number(file):
    stack = nza.open_stack(file, line_phase="auto", drop_frames="3")
    assert stack.said.line_phase == pytest.approx(3.0, abs=0.05)
    facts = json.loads(json.dumps(stack.said.arguments()))
    assert Said.from_facts(facts) == stack.said
    again = nza.open_stack(file, **facts)
    np.testing.assert_array_equal(again.read(4, 9), stack.read(4, 9))
    assert again.dropped == stack.dropped == (3,)


@pytest.mark.parametrize("line_phase", [(1.0, 2.5, 3.0), 2.5])
def test_three_numbers_and_parts_of_pixels_are_remembered(file, line_phase):
    stack = nza.open_stack(file, line_phase=line_phase, line_phase_subpixel=True)
    said = Said.from_facts(json.loads(json.dumps(stack.said.arguments())))
    assert (said.line_phase, said.line_phase_subpixel) == (line_phase, True)


def test_planes_and_channels_are_moved_too(tmp_path, clean):
    frames = clean.copy()
    frames[:, 1::2] = np.roll(clean[:, 1::2], 3, axis=2)
    tifffile.imwrite(tmp_path / "v.tif", frames)
    how = {"frames_per_slice": 15, "order": "slices", "channels": 2}
    plain = nza.open_stack(tmp_path / "v.tif", frames_per_slice=20, order="slices", plane=1)
    plane = nza.open_stack(
        tmp_path / "v.tif", frames_per_slice=20, order="slices", plane=1, line_phase=3
    )
    assert plane.said.line_phase == 3
    moved = plane.read(0, 2)
    assert moved.shape == plain.read(0, 2).shape
    assert not np.array_equal(moved, plain.read(0, 2))
    both = nza.open_stack(tmp_path / "v.tif", **how, line_phase=3)
    np.testing.assert_array_equal(both.read(0, 1)[0, 1, :, :-3], clean[1, :, :-3])


@pytest.mark.thorough
@pytest.mark.slow
def test_an_alignment_opens_the_same_view_again(file, tmp_path):
    stack = nza.open_stack(file, line_phase="auto", frames_per_slice=15)
    folder = nza.run(nza.align_adaptive(stack)).save(tmp_path / "a.zalign")
    again = nza.load_alignment(folder).stack
    assert again.said == stack.said
    np.testing.assert_array_equal(again.read(0, 5), stack.read(0, 5))
    plain = nza.open_stack(file, frames_per_slice=15)
    given = nza.load_alignment(folder, stack=plain).stack
    np.testing.assert_array_equal(given.read(0, 5), stack.read(0, 5))


def test_keys_of_units_differ(file):
    plain, moved = nza.open_stack(file), nza.open_stack(file, line_phase=3)
    assert layout_of(plain) != layout_of(moved)
    assert identity_of(plain) != identity_of(moved)
    assert "line_phase" not in layout_of(plain)


def test_small_phase_needs_parts_of_pixels(tmp_path):
    rng = np.random.default_rng(3)
    tifffile.imwrite(tmp_path / "s.tif", noisy(rng, scanned(tissue(rng), 0.4), 50, photons=20))
    stack = nza.open_stack(tmp_path / "s.tif", line_phase="auto")
    assert stack.said.line_phase is None
    assert "no whole pixel" in stack.remarks[0]
    stack = nza.open_stack(tmp_path / "s.tif", line_phase="auto", line_phase_subpixel=True)
    assert nza.estimate_line_phase(stack).px == pytest.approx(0, abs=0.05)
    (said,) = nza.open_stack(tmp_path / "s.tif", line_phase=0.4).remarks
    assert "no whole pixel" in said


@pytest.mark.parametrize("line_phase", ["automatic", "3", True, [1, 2], float("inf")])
def test_refuses_what_is_no_phase(file, line_phase):
    with pytest.raises(nza.InputError, match="line_phase must be 'auto'"):
        nza.open_stack(file, line_phase=line_phase)


def test_parts_of_pixels_need_a_phase(file):
    with pytest.raises(nza.InputError, match="line_phase_subpixel needs a line phase"):
        nza.open_stack(file, line_phase_subpixel=True)


def test_memory_is_that_of_the_frames_read(file):
    stack = nza.open_stack(file, line_phase=3)
    assert stack.read(5, 6).nbytes == 128 * 128 * 2
    assert stack.frames_per_read == nza.open_stack(file).frames_per_read


def test_info_offers_it(file, capsys):
    assert main(["info", str(file)]) == 0
    out = capsys.readouterr().out
    assert "Warning: Every second line is shifted to the right by 3.0" in out
    assert "--line-phase auto" in out
    assert main(["info", str(file), "--line-phase", "auto"]) == 0
    out = capsys.readouterr().out
    assert "Warning" not in out
    assert "moved back" in out
    assert main(["info", str(file), "--json"]) == 0
    pixels = json.loads(capsys.readouterr().out)["pixels"]
    assert pixels["line_phase_px"] == pytest.approx(3, abs=0.05)
    assert pixels["line_phase_to_apply"] == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize("text", ["3", "2.9", "-2", "1,2.5,3", "auto"])
def test_flag_takes(file, capsys, text):
    assert main(["info", str(file), f"--line-phase={text}"]) == 0


@pytest.mark.parametrize("text", ["three", "1,2.5", ""])
def test_flag_refuses(file, capsys, text):
    assert main(["info", str(file), f"--line-phase={text}"]) == 2
    assert "--line-phase" in capsys.readouterr().err


def test_segments_of_a_corrected_stack_show_no_phase(file):
    stack = nza.open_stack(file, line_phase=3)
    assert nza.run(mean_segments(stack))[0].n_frames == 50
    assert abs(nza.estimate_line_phase(stack).px) < 0.05
