"""``zstack-align film``."""

from pathlib import Path

import pytest

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main


@pytest.mark.slow
def test_a_film_stands_in_this_folder(aligned, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nza.Rois.of([[20.0, 20.0, 4.0]]).save("rois.csv")
    command = ["film", str(aligned), "--rois", "rois.csv", "--frames-per-mean", "2"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert f"Wrote {aligned.stem}.mp4" in told
    assert "names no reference" in told
    assert Path(f"{aligned.stem}.mp4").stat().st_size > 1000
    assert main(command) == 2
    assert main([*command, "--overwrite"]) == 0


def test_a_session_of_several_has_a_film_of_each(session_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["film", str(session_folder)]) == 2
    assert "give the .zalign of one of them" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
