"""The command line: every bad input is one line on stderr, and exit code 2."""

# ruff: noqa: E501
from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cases import recording, rois, session, traces, zshift, zstack
from refusing import each, refused_by_command

import napari_zstack_align as nza
from napari_zstack_align.cli.main import COMMANDS, main
from napari_zstack_align.fields import fields_of
from napari_zstack_align.params import (
    AdaptiveParams,
    BlobParams,
    FilmParams,
    KeypointParams,
    NwbParams,
    Params,
    TraceParams,
    ZShiftParams,
)

FRAMES = np.random.default_rng(1).integers(0, 9999, (8, 32, 40)).astype(np.uint16)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good file of each kind, and some bad ones."""
    folder = tmp_path_factory.mktemp("here")
    tifffile.imwrite(folder / "movie.tif", FRAMES)
    tifffile.imwrite(folder / "image.tif", FRAMES[0])
    tifffile.imwrite(folder / "mask.tif", np.ones((32, 40), np.uint8))
    tifffile.imwrite(folder / "small.tif", np.ones((3, 4), np.uint8))
    tifffile.imwrite(folder / "empty.tif", np.zeros((32, 40), np.uint8))
    np.save(folder / "nan.npy", np.full((32, 40), np.nan))
    (folder / "text.tif").write_text("no image")
    (folder / "cut.tif").write_bytes((folder / "movie.tif").read_bytes()[:5000])
    (folder / "bad.json").write_text("{")
    (folder / "odd.json").write_text('{"speed": 3}')
    (folder / "rois.csv").write_text("id,y,x,radius\n1,10,12,3\n")
    (folder / "bad.csv").write_text("id,y\n1,2\n")
    (folder / "table.csv").write_text("name,recordings\na,movie.tif\n")
    zstack(1).save(folder / "z.zalign")
    recording(1).save(folder / "rec.zalign")
    zshift(1).save(folder / "shift.zalign")
    traces(1).save(folder / "traces")
    nza.save_session(session(1, "ab"), folder / "session")
    rois(1).save(folder / "cells.csv")
    (folder / "broken.zalign").mkdir()
    (folder / "broken.zalign" / "run.json").write_text("{")
    for suffix in (".zalign.unfinished", ".unfinished"):  # where journals would be
        (folder / f"filed{suffix}").write_text("mine")
        (folder / f"foldered{suffix}" / "layout.unit").mkdir(parents=True)
    return folder


@pytest.fixture(autouse=True)
def _inside(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run there; nothing may be written."""
    monkeypatch.chdir(here)
    before = sorted(map(str, here.rglob("*")))
    yield
    assert sorted(map(str, here.rglob("*"))) == before


GOOD = {
    "adaptive": (["movie.tif", "--frames-per-slice=4"], AdaptiveParams),
    "keypoints": (["movie.tif"], KeypointParams),
    "batch": (["table.csv"], None),
    "blobs": (["image.tif"], BlobParams),
    "traces": (["movie.tif", "--rois=rois.csv"], TraceParams),
    "zshift": (["movie.tif", "--reference=movie.tif"], ZShiftParams),
    "export": (["traces", "--out=t.nwb"], NwbParams),
    "info": (["movie.tif"], None),
    "film": (["z.zalign"], FilmParams),
    "report": (["z.zalign"], None),
    "view": (["movie.tif"], None),
    "demo": ([], None),
}


def bad_flags(model: type[Params]) -> Iterator[str]:
    """A flag of every parameter with values that it can't have."""
    for field in fields_of(model):
        if field.kind is bool:
            yield f"{field.flag}=yes"
        elif field.choices:
            yield f"{field.flag}=none-such"
        elif field.kind in (int, float):
            yield f"{field.flag}=wide"
            yield f"{field.flag}=nan"
            yield f"{field.flag}=inf"
            if field.lower is not None:
                yield f"{field.flag}={field.lower - 1:g}"
            if field.upper is not None and field.kind is float:
                yield f"{field.flag}={field.upper * 2 + 1:g}"
        elif field.kind is tuple:
            yield f"{field.flag}=wide"


@pytest.mark.parametrize("command", [name for name, (_, model) in GOOD.items() if model])
def test_parameters(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, model = GOOD[command]
    assert model is not None
    each(
        (flag, partial(refused_by_command, [command, *arguments, flag], capsys))
        for flag in bad_flags(model)
    )


INPUTS = [
    "missing.tif", "text.tif", "cut.tif", "", ".", "/", "a\0b", "\udcff.tif", "a\nb.tif",
    "x" * 300, "bad.json", "broken.zalign", "missing.zalign", "-", "*.tif", "/dev/null",
]  # fmt: skip


DOES_SOMETHING = {("info", name) for name in ("broken.zalign", "", ".")}
DOES_SOMETHING |= {("export", ""), ("export", ".")}
"""Damage, and a folder of results, are described; traces side by side in a folder are exported."""


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "demo"])
def test_inputs(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_zstack_align.cli.view.open_napari", lambda shown: None)
    flags = [flag for flag in GOOD[command][0] if flag.startswith("--")]
    each(
        (name, partial(refused_by_command, [command, name, *flags], capsys))
        for name in INPUTS
        if (command, name) not in DOES_SOMETHING
    )


GENERAL = ["--no-such-flag", "--params=missing.json", "--params=bad.json", "--params=odd.json",
           "--params=.", "--threads=0", "--threads=-1", "--threads=two", "--threads=1.5"]  # fmt: skip


@pytest.mark.parametrize("command", ["adaptive", "keypoints", "batch", "blobs", "traces", "zshift"])
def test_flags_of_many_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [flag for flag in GENERAL if command != "blobs" or not flag.startswith("--threads")]
    each(
        (flag, partial(refused_by_command, [command, *GOOD[command][0], flag], capsys))
        for flag in (*flags, *(["--image=none-such"] if command == "blobs" else []))
    )


OTHERS = [
    "adaptive movie.tif", "adaptive movie.tif --frames-per-slice=0",
    "adaptive movie.tif --frames-per-slice=-2", "adaptive movie.tif --frames-per-slice=99",
    "adaptive movie.tif --frames-per-slice=two", "adaptive movie.tif --frames-per-slice=2.5",
    "adaptive movie.tif --frames-per-slice=4 --order=sideways",
    "adaptive movie.tif --frames-per-slice=4 --pixel-size=0",
    "adaptive movie.tif --frames-per-slice=4 --pixel-size=-1,1",
    "adaptive movie.tif --frames-per-slice=4 --pixel-size=nan",
    "adaptive movie.tif --frames-per-slice=4 --pixel-size=1,2,3",
    "adaptive movie.tif --frames-per-slice=4 --pixel-size=wide",
    "adaptive movie.tif --frames-per-slice=4 --z-step=0",
    "adaptive movie.tif --frames-per-slice=4 --z-step=nan",
    "adaptive movie.tif --frames-per-slice=4 --z-step=far",
    "adaptive movie.tif --frames-per-slice=4 --mask=missing.tif",
    "adaptive movie.tif --frames-per-slice=4 --mask=small.tif",
    "adaptive movie.tif --frames-per-slice=4 --mask=empty.tif",
    "adaptive movie.tif --frames-per-slice=4 --mask=movie.tif",
    "adaptive movie.tif --frames-per-slice=4 --mask=text.tif",
    "adaptive movie.tif --frames-per-slice=4 --mask=nan.npy",
    "adaptive movie.tif --frames-per-slice=4 --out=rec.zalign",
    "adaptive movie.tif --frames-per-slice=4 --out=no/where/run",
    "adaptive movie.tif --frames-per-slice=4 --out=movie.tif/run",
    "adaptive movie.tif --frames-per-slice=4 --volume=v.avi",
    "adaptive movie.tif --frames-per-slice=4 --volume=no/v.tif",
    "adaptive movie.tif --frames-per-slice=4 --volume=movie.tif",
    "adaptive movie.tif --frames-per-slice=4 --start-slice=7",
    "adaptive movie.tif small.tif --frames-per-slice=4",
    "adaptive movie.tif --frames-per-slice=4 --out=filed",
    "adaptive movie.tif --frames-per-slice=4 --out=foldered",
    "keypoints movie.tif --out=filed", "keypoints movie.tif --out=foldered",
    "traces movie.tif --rois=rois.csv --out=filed", "traces movie.tif --rois=rois.csv --out=foldered",
    "zshift movie.tif --reference=z.zalign --out=filed",
    "zshift movie.tif --reference=z.zalign --out=foldered",
    "keypoints movie.tif --frame-rate=0", "keypoints movie.tif --frame-rate=-3",
    "keypoints movie.tif --frame-rate=nan", "keypoints movie.tif --frame-rate=fast",
    "keypoints movie.tif --reference=missing.tif", "keypoints movie.tif --reference=movie.tif",
    "keypoints movie.tif --reference=nan.npy", "keypoints movie.tif --reference=traces",
    "keypoints movie.tif --mask=small.tif", "keypoints movie.tif --out=traces",
    "keypoints movie.tif --out=movie.tif", "keypoints small.tif",
    "keypoints movie.tif --intensity-percentiles 90 10", "keypoints movie.tif --channel=5",
    "traces movie.tif --rois=missing.csv", "traces movie.tif --rois=bad.csv",
    "traces movie.tif --rois=movie.tif", "traces movie.tif --rois=.", "traces movie.tif",
    "traces movie.tif --rois=rois.csv --alignment=missing.zalign",
    "traces movie.tif --rois=rois.csv --alignment=z.zalign",
    "traces movie.tif --rois=rois.csv --alignment=traces",
    "traces movie.tif --rois=rois.csv --alignment=session",
    "traces movie.tif --rois=rois.csv --alignment=rec.zalign",
    "traces movie.tif --rois=rois.csv --out=session", "traces rec.zalign --rois=rois.csv",
    "traces traces --rois=rois.csv", "traces movie.tif image.tif --rois=rois.csv --alignment=z.zalign",
    "zshift movie.tif", "zshift movie.tif --reference=missing.tif",
    "zshift movie.tif --reference=image.tif", "zshift movie.tif --reference=small.tif",
    "zshift movie.tif --reference=rec.zalign", "zshift movie.tif --reference=session",
    "zshift movie.tif --reference=traces", "zshift small.tif --reference=movie.tif",
    "zshift movie.tif --reference=movie.tif --z-step=0",
    "zshift movie.tif --reference=movie.tif --z-step=-2",
    "zshift movie.tif --reference=movie.tif --corrected=c.avi",
    "zshift movie.tif --reference=movie.tif --simulated=movie.tif --overwrite",
    "zshift movie.tif --reference=movie.tif --out=z.zalign",
    "zshift rec.zalign --reference=movie.tif --alignment=z.zalign",
    "blobs image.tif --out=cells.txt", "blobs image.tif --out=no/cells.csv",
    "blobs image.tif --out=cells.csv", "blobs image.tif --mask=small.tif",
    "blobs image.tif --channel=3", "blobs image.tif --channel=-1", "blobs image.tif --channel=x",
    "blobs movie.tif --frames 5 2", "blobs movie.tif --frames 0 99", "blobs movie.tif --frames 3",
    "blobs movie.tif --frames a b", "blobs image.tif --min-slices=2", "blobs nan.npy",
    "blobs movie.tif --frames-per-slice=4 --min-slices=0",
    "blobs movie.tif --frames-per-slice=4 --agreement",
    "blobs movie.tif --frames-per-slice=4 --frames 0 2", "blobs traces", "blobs rois.csv",
    "blobs session --frames 0 2", "blobs image.tif --frames-per-slice=3",
    "export z.zalign", "export rec.zalign", "export session", "export traces", "export rois.csv",
    "export z.zalign --out=v.avi", "export rec.zalign --out=v", "export traces --out=t.xlsx",
    "export rois.csv --out=r.pdf", "export rois.csv --out=r.tif",
    "export rois.csv traces --out=r.csv", "export rois.csv cells.csv --out=r.zip",
    "export z.zalign rec.zalign --out=v.tif", "export session --out=s.tif --what=volume",
    "export rec.zalign --out=r.tif --what=volume", "export z.zalign --out=v.h5",
    "export z.zalign --transforms=t.txt", "export z.zalign --transforms=t.csv",
    "export z.zalign --out=no/v.tif", "export z.zalign --out=v.tif --signal=dff",
    "export traces --out=t.csv --crop", "export traces --out=t.csv --format=npz",
    "export traces --out=t.csv --format=none-such", "export traces --out=t.csv --signal=none-such",
    "export traces --out=t.csv --alignment=missing.zalign",
    "export z.zalign --out=v.tif --stack=missing.tif", "export z.zalign --out=v.tif --stack=small.tif",
    "export shift.zalign --out=s.tif", "export traces traces --out=no/t.csv",
    "export broken.zalign --out=b.tif", "export movie.tif --out=b.tif", "export bad.csv --out=b.zip",
    "info", "info missing.tif --propose", "info movie.tif --pixel-size=0",
    "info movie.tif --frames-per-slice=0",
    "view", "view traces", "view z.zalign rec.zalign", "view movie.tif small.tif",
    "batch missing.csv", "batch bad.csv", "batch movie.tif", "batch .", "batch rois.csv",
    "batch table.csv --out=movie.tif", "batch table.csv --params=odd.json",
    "demo --out=movie.tif", "demo extra",
    "report movie.tif", "report cells.csv", "report traces", "report shift.zalign",
    "report z.zalign --out=movie.tif", "report z.zalign --out=page.pdf",
    "report z.zalign --stack=missing.tif", "report z.zalign --stack=movie.tif",
    "film movie.tif", "film cells.csv", "film session", "film z.zalign --out=f.avi",
    "film z.zalign --out=movie.tif", "film z.zalign --speed=2", "film z.zalign --first-frame=999",
    "film z.zalign --rois=missing.csv", "film z.zalign --traces=session", "film z.zalign --out=.mp4",
    "film z.zalign --rois=rois.csv --traces=traces", "film z.zalign --stack=small.tif",
    "fly", "--fly", "", "info movie.tif --json=yes", "adaptive --help=3",
]  # fmt: skip


@pytest.mark.parametrize("command", [*COMMANDS, "no command"])
def test_commands(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_zstack_align.cli.view.open_napari", lambda shown: None)

    def command_of(line: str) -> str:
        first = line.partition(" ")[0]
        return first if first in COMMANDS else "no command"

    each(
        (line, partial(refused_by_command, line.split(), capsys))
        for line in OTHERS
        if command_of(line) == command
    )


def test_between_slices_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """The words stand in the help, those of earlier versions too; others are refused."""
    arguments = ["adaptive", "missing.tif", "--between-slices"]
    for word in ("auto", "follow", "stiff", "full", "translation", "0.5", "Full"):
        assert "missing.tif" in refused_by_command([*arguments, word], capsys)
    assert "--between-slices" in refused_by_command([*arguments, "half"], capsys)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_names_that_are_no_text_go_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the raw file to the export, and back."""
    signal.setitimer(signal.ITIMER_REAL, 120)  # this is no refusal, but work
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / os.fsdecode(b"larva \xff\xfe")
    odd.mkdir()
    movie = odd / os.fsdecode(b"m\xe9.tif")
    tifffile.imwrite(movie, np.random.default_rng(0).integers(0, 999, (4, 64, 64), np.uint16))
    (odd / "rois.csv").write_text("id,y,x,radius\n1,10,12,3\n")
    assert main(["traces", str(movie), f"--rois={odd / 'rois.csv'}", f"--out={odd / 't'}"]) == 0
    assert nza.load(odd / "t").F.shape == (1, 1, 4)
    for name in ("a.csv", "b.npz", "c.nwb"):
        more = ["--frame-rate-hz=3"] if name == "c.nwb" else []
        assert main(["export", str(odd / "t"), f"--out={odd / name}", *more]) == 0, name
    arguments = ["adaptive", str(movie), "--frames-per-slice=2", f"--out={odd / 'run'}"]
    assert main(arguments) in (0, 1)
    if (odd / "run.zalign").exists():
        alignment = nza.load(odd / "run.zalign")
        assert alignment.stack.paths == (movie,)
        for name in ("v.tif", "v.zarr"):
            assert main(["export", str(odd / "run.zalign"), f"--out={odd / name}"]) == 0
    assert main(["info", str(movie), "--json"]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bits.tif", "bool.npy"])
def test_masks_of_bits(name: str, tmp_path: Path) -> None:
    """1-bit TIFFs and arrays of true and false are masks, though they are no frames."""
    from napari_zstack_align.cli.inputs import read_mask

    mask = np.zeros((32, 40), bool)
    mask[4:20, 5:30] = True
    path = tmp_path / name
    if name.endswith(".tif"):
        tifffile.imwrite(path, mask, photometric="minisblack")
    else:
        np.save(path, mask)
    found = read_mask(path)
    assert found is not None
    np.testing.assert_array_equal(found > 0, mask)
