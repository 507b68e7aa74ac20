"""``zstack-align view`` opens what it is given; napari itself is tested with the GUI."""

import re
import sys

import pytest

import napari_zstack_align as nza
from napari_zstack_align.cli import view
from napari_zstack_align.cli.main import main


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(view, "open_napari", shown.append)
    return shown


def test_an_alignment(aligned, shown):
    assert main(["view", str(aligned)]) == 0
    assert isinstance(shown[0], nza.Alignment)


def test_a_session(session_folder, shown):
    assert main(["view", str(session_folder)]) == 0
    assert [type(alignment) for alignment in shown[0]] == [nza.Alignment] * 2


def test_a_stack(zstack_file, shown):
    assert main(["view", str(zstack_file), "--frames-per-slice=4"]) == 0
    assert isinstance(shown[0], nza.Stack)
    assert shown[0].n_slices == 3


def test_a_zshift(zstack_file, tmp_path, shown):
    stack = nza.open_stack(zstack_file)
    volume = nza.open_stack(zstack_file, frames_per_slice=4)
    zshift = nza.run(nza.estimate_zshift(stack, volume, nza.ZShiftParams(patch_px=32)))
    assert main(["view", str(zshift.save(tmp_path / "z"))]) == 0
    assert isinstance(shown[0], nza.ZShift)


def test_a_project_is_opened_by_the_panel(shown, tmp_path):
    folder = nza.Project().save(tmp_path / "p")
    assert main(["view", str(folder)]) == 0
    assert shown == [folder]


def test_two_alignments(aligned, shown, capsys):
    assert main(["view", str(aligned), str(aligned)]) == 2
    assert "one alignment or session at a time" in capsys.readouterr().err
    assert shown == []


def test_without_napari(zstack_file, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "napari_zstack_align.gui.open", None)
    assert main(["view", str(zstack_file)]) == 2
    err = capsys.readouterr().err
    assert "pip install 'napari-zstack-align[all]'" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: nza.Rois.of([[40.0, 50.0, 4.0]]).save("r.csv"), "holds ROIs, .* tab 'Cells'"),
    ],
    ids=["ROIs"],
)
def test_what_has_no_frames_says_where_it_is_seen(made, said, shown, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["view", str(made())]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert shown == []
