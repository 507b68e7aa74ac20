"""The end of every command: warnings are labelled, and the last line says that there were some."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cli.main import main
from napari_zstack_align.cli.results import last_line, tell
from napari_zstack_align.remark import as_notes, as_serious, as_warnings
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats


def with_remarks(alignment: nza.Alignment, *remarks: nza.Remark) -> nza.Alignment:
    return replace(alignment, provenance={**alignment.provenance, "remarks": remarks})


def test_a_wrong_layout_opens_the_summary_and_the_last_line_counts_it(tmp_path, capsys, recwarn):
    made = zstack_with_repeats(n_slices=6, n_repeats=8, size=96, order="slices", seed=3).stack
    volumes = made.read(0, 48)[:, 0].reshape(8, 6, 96, 96)
    volumes[1::2] = volumes[1::2, ::-1].copy()
    np.save(tmp_path / "z.npy", volumes.reshape(48, 96, 96))
    given = [str(tmp_path / "z.npy"), "--frames-per-slice=8", "--order=slices"]
    assert main(["adaptive", *given, f"--out={tmp_path / 'a'}"]) == 0
    out = capsys.readouterr().out.splitlines()
    (first,) = (n for n, line in enumerate(out) if line.startswith("Warning: The layout looks"))
    assert out[first + 1].startswith("  48 frames in 6 slices")
    assert out[-1].startswith("The result looks wrong as a whole")
    assert "2 warnings above; " in out[-1]  # its repeats show different places, too
    assert not any(isinstance(each.message, nza.ResultWarning) for each in recwarn.list)
    for command in (["info"], ["export", f"--out={tmp_path / 'v.tif'}"]):
        assert main([command[0], str(tmp_path / "a.zalign"), *command[1:]]) == 0
        later = capsys.readouterr().out
        assert "Warning: The layout looks wrong" in later
        assert later.index("Warning: The layout") < later.index("48 frames in 6 slices")
        assert "looks wrong as a whole: see its first warning. 2 warn" in later.splitlines()[-1]


def test_notes_alone_need_no_last_line(aligned, tmp_path, capsys):
    noted = with_remarks(nza.load_alignment(aligned), *as_notes("As usual."))
    noted.save(tmp_path / "a")
    assert main(["export", str(tmp_path / "a.zalign"), f"--out={tmp_path / 'v.tif'}"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  Note: As usual."


@pytest.mark.parametrize(
    ("remarks", "flagged", "line"),
    [
        pytest.param(as_notes("As usual."), 3, "", id="note"),
        pytest.param(as_warnings("Odd."), 0, "1 warning above; 0 frames are flagged.", id="one"),
        pytest.param(
            (*as_warnings("Odd."), *as_serious("Wrong.")),
            1,
            "The result looks wrong as a whole: see its first warning. 2 warnings above; 1 frame "
            "is flagged.",
            id="two",
        ),
    ],
)
def test_the_last_line(aligned, remarks, flagged, line):
    alignment = with_remarks(nza.load_alignment(aligned), *remarks)
    alignment.quality["flag"][:flagged] = "torn"
    assert last_line([alignment]) == line


def test_the_last_line_counts_warnings_as_they_are_printed(session_folder):
    both = [with_remarks(each, *as_warnings("Odd.")) for each in nza.load_alignment(session_folder)]
    assert last_line(both).startswith("1 warning above")


@pytest.fixture
def traces() -> nza.Traces:
    stack = recording_with_motion(size=64, n_frames=20, seed=1).stack
    return nza.run(nza.extract_traces(stack, nza.Rois.of([[30, 30, 4], [20, 40, 4]])))


def test_traces_have_a_summary_and_a_short_repr(traces):
    lines = traces.summary().splitlines()
    assert lines[0].startswith("Warning: ΔF/F is unreliable, for the dark level is unknown")
    assert "Read the traces with `dark_level` (best of all" in lines[0]
    assert lines[1].startswith("  2 ROIs, 20 frames: 0 flagged, 0 left out of baselines")
    assert traces.summary().count("unreliable") == 1
    assert last_line([traces]).startswith("ΔF/F is unreliable: see its first warning. ")
    assert repr(traces).startswith("<Traces of ")
    assert "2 ROIs, 20 frames, 0 flagged; " in repr(traces)
    assert len(repr(traces)) < 120


def test_the_export_of_doubtful_traces_ends_with_the_warning(traces, tmp_path, capsys):
    traces.save(tmp_path / "t")
    assert main(["export", str(tmp_path / "t"), f"--out={tmp_path / 't.csv'}"]) == 0
    told = capsys.readouterr()
    out = told.out.splitlines()
    assert out[0].startswith("Wrote ")
    assert "unreliable" not in told.err
    (warning,) = [line for line in out if line.startswith("Warning: ")]
    assert "ΔF/F is unreliable" in warning
    assert "Read the traces with --dark-level (best of all" in warning
    assert "for what was exported, too: see zstack-align info" in out[-1]


def test_what_is_unknown_but_not_wrong_is_a_note_that_names_what_gives_it(capsys):
    raw = recording_with_motion(size=64, n_frames=20, seed=1).stack
    raw = raw.replace(pixel_size_um=None, frame_times_s=None)
    rois, params = (
        nza.Rois.of([[30, 30, 4]], made_on=made_on(raw)),
        nza.TraceParams(dark_level=(1,)),
    )
    one = nza.run(nza.extract_traces(raw, rois, params=params))
    unknown = [remark for remark in one.remarks if "unknown" in remark]
    assert [remark.severity for remark in unknown] == ["note", "note"]
    assert "`frame_times_s`" in one.summary()
    assert "`pixel_size_um`" in one.summary()
    tell([one, replace(one, recording="another")])
    out = capsys.readouterr().out
    assert out.count("The frame times are unknown") == out.count("The pixel size is unknown") == 1
    assert "All recordings: Note: The pixel size is unknown" in out
    assert "read the traces with --frame-rate." in out
    assert "read the traces with --pixel-size." in out
