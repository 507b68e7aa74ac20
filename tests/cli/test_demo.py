"""``zstack-align demo`` leaves a volume, an alignment and pictures."""

import re
import shutil

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


@pytest.mark.parametrize(
    "name", ["raw.ome.tif", "volume.ome.tif", "before_after.png", "napari.png"]
)
def test_files_of_others_stay(name, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"a day's work")
    assert main(["demo", f"--out={tmp_path}", "--size=96", "--slices=2", "--headless"]) == 2
    assert f"{tmp_path / name} is there already" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [tmp_path / name]
    assert (tmp_path / name).read_bytes() == b"a day's work"


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.usefixtures("no_screenshot")
@pytest.mark.parametrize("left", ["all", "raw.ome.tif"])
def test_a_demo_replaces_its_own_files_and_those_of_a_stopped_one(left, tmp_path):
    command = ["demo", f"--out={tmp_path}", "--size=96", "--slices=2", "--headless"]
    assert main(command) == 0
    if left != "all":
        for path in tmp_path.iterdir():
            if path.name != left:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert main(command) == 0
    assert (tmp_path / "volume.ome.tif").is_file()


def _files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "_screenshot", lambda path, alignment: None)
        assert main(["demo", f"--out={folder}", "--size=96", "--slices=2", "--headless"]) == 0
    return folder


def _write_raw(own_file, folder):
    pixels = tifffile.imread(own_file)
    tifffile.imwrite(folder / "raw.ome.tif", pixels, metadata={"axes": "TYX"})


def _frames_of_their_own(folder, own_file, own_result):
    """The demo's folder is used again: other frames under the name of the sample."""
    _write_raw(own_file, folder)
    return "raw.ome.tif"


def _result_of_their_own(folder, own_file, own_result):
    shutil.rmtree(folder / "demo.zalign")
    shutil.copytree(own_result, folder / "demo.zalign")
    return "demo.zalign"


def _all_of_their_own(folder, own_file, own_result):
    """What the command would write, made of a file of that name by the same program."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    _write_raw(own_file, folder)
    given = [str(folder / "raw.ome.tif"), "--frames-per-slice=4", f"--out={folder / 'demo'}"]
    assert main(["adaptive", *given, f"--volume={folder / 'volume.ome.tif'}"]) == 0
    return "raw.ome.tif"


def _volume_of_their_own(folder, own_file, own_result):
    shutil.copy(own_file, folder / "volume.ome.tif")
    return "volume.ome.tif"


def _picture_of_their_own(folder, own_file, own_result):
    cv2.imwrite(str(folder / "napari.png"), cv2.imread(str(folder / "before_after.png")))
    return "napari.png"


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("change", [_volume_of_their_own, _picture_of_their_own])
def test_own_files_beside_those_of_a_demo_stay(change, demo_folder, zstack_file, tmp_path, capsys):
    test_results_of_others_stay(change, demo_folder, zstack_file, None, tmp_path, capsys)


def test_a_demo_of_another_size_is_called_so(demo_folder, capsys):
    before = _files(demo_folder)
    assert main(["demo", f"--out={demo_folder}", "--size=64", "--slices=2", "--headless"]) == 2
    assert (
        "raw.ome.tif is there already, and not from a demo of this size" in capsys.readouterr().err
    )
    assert _files(demo_folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("change", [_frames_of_their_own, _result_of_their_own, _all_of_their_own])
def test_results_of_others_stay(change, demo_folder, zstack_file, aligned, tmp_path, capsys):
    folder = shutil.copytree(demo_folder, tmp_path / "demo")
    name = change(folder, zstack_file, aligned)
    before = _files(folder)
    assert main(["demo", f"--out={folder}", "--size=96", "--slices=2", "--headless"]) == 2
    said = capsys.readouterr().err
    assert f"{folder / name} is there already, and not from a demo of this size: " in said
    assert _files(folder) == before
