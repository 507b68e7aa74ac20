"""``zstack-align report``."""

import shutil
from pathlib import Path

import pytest

from napari_zstack_align.cli.main import main


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["alignment", "session"])
def test_a_page_stands_beside_the_work(
    aligned, session_folder, tmp_path, monkeypatch, capsys, kind
):
    monkeypatch.chdir(tmp_path)
    result = aligned if kind == "alignment" else session_folder
    assert main(["report", str(result)]) == 0
    page = Path(f"{result.stem}.html")
    told = capsys.readouterr().out
    assert f"Wrote {page}" in told
    assert "photon noise allows" in told
    assert "zstack-align" in page.read_text(encoding="utf-8")
    before = page.read_bytes()
    assert main(["report", str(result)]) == 2
    assert page.read_bytes() == before
    assert main(["report", str(result), "--overwrite"]) == 0


@pytest.mark.slow
def test_raw_files_that_are_gone_leave_a_page_without_images(
    aligned, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(aligned, "run.zalign")
    text = Path("run.zalign/run.json").read_text(encoding="utf-8")
    assert "zstack.tif" in text
    monkeypatch.setattr(
        "napari_zstack_align.alignment.raw_frames.places_of", lambda folder, inputs: iter(())
    )
    assert main(["report", "run.zalign", "--out=gone.html"]) == 0
    page = Path("gone.html").read_text(encoding="utf-8")
    assert "gone or have changed" in page
    assert "<img" not in page
    assert "zstack.tif" in page
    assert "No single command" in page
    assert "gone or have changed" in capsys.readouterr().out
