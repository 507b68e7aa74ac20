"""``zstack-align demo`` leaves a volume, an alignment and pictures."""

import re

import cv2
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli import demo
from napari_zstack_align.cli.main import main


@pytest.fixture
def no_screenshot(monkeypatch):
    monkeypatch.setattr(demo, "_screenshot", lambda path, alignment: None)


@pytest.mark.usefixtures("no_screenshot")
def test_headless(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", f"--out={out}", "--size=128", "--slices=3", "--headless"]) == 0
    said = capsys.readouterr().out
    for name in ("raw.ome.tif", "volume.ome.tif", "demo.zalign", "before_after.png"):
        assert f"Wrote {out / name}" in said
    assert tifffile.imread(out / "volume.ome.tif").shape == (3, 128, 128)
    assert cv2.imread(str(out / "before_after.png")).shape == (128, 2 * 128 + 8, 3)
    loaded = nza.load_alignment(out / "demo.zalign")
    assert loaded.complete
    assert loaded.volume().compute().shape == (3, 128, 128)
    before, after = map(float, re.search(r"([\d.]+) px before, ([\d.]+) px after", said).groups())
    assert after < before / 2
    assert said.splitlines()[-1].startswith("27 frames in 3 slices")


@pytest.mark.usefixtures("no_screenshot")
def test_a_display_opens_napari(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(demo, "has_display", lambda: True)
    monkeypatch.setattr(demo, "open_napari", shown.append)
    assert main(["demo", f"--out={tmp_path}", "--size=96", "--slices=2"]) == 0
    assert [type(alignment) for alignment in shown] == [nza.Alignment]


def test_a_folder_that_can_not_be_made(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", f"--out={tmp_path / 'file'}"]) == 2
    assert "can't be made" in capsys.readouterr().err
