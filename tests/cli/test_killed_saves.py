"""A command that is killed while it saves leaves old or new; with --overwrite it then works."""

from __future__ import annotations

import csv
import os
from functools import partial

import pytest
import tifffile
from killing import killed_when

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main

MOMENTS = {
    "the first file": ("before open", 1),
    "before the manifest counts": ("before os.rename", 1),
    "when it counts": ("after replace", 1),
    "while it cleans up": ("after unlink", 2),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def commands(zstack_file, recording_files, tmp_path, monkeypatch):
    """Arguments of each command, without --overwrite, and what it writes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    nza.Rois.of([[40, 50, 4], [80.5, 70.25, 5]]).save("rois.csv")
    (tmp_path / "table.csv").write_text(
        f"name,recordings,chunk_frames\nlarva,{recording_files[0]};{recording_files[1]},20\n"
    )
    recordings = [str(path) for path in recording_files]
    tifffile.imwrite("volume.tif", tifffile.imread(recordings[0])[:5])
    return {
        "adaptive": (["adaptive", str(zstack_file), "--frames-per-slice=4", "--out=out/run"],
                     "run.zalign"),
        "keypoints": (["keypoints", *recordings, "--chunk-frames=20", "--out=out/larva"], "larva"),
        "batch": (["batch", "table.csv", "--out=out"], "larva"),
        "traces": (["traces", *recordings, "--rois=rois.csv", "--out=out/t"], "t"),
        "zshift": (["zshift", recordings[0], "--reference=volume.tif", "--out=out/z",
                    "--reference-frames-per-slice=1"], "z.zalign"),
        "blobs": (["blobs", recordings[0], "--out=out/cells"], "cells.csv"),
    }  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["adaptive", "keypoints", "batch", "traces", "zshift", "blobs"])
def test_the_same_command_works_again(name, commands, tmp_path):
    arguments, written = commands[name]
    assert main(arguments) == 0
    path = tmp_path / "out" / written
    assert nza.load(path)
    arguments = [*arguments, "--overwrite"]
    for what, number in MOMENTS.values():
        last = 1 if name == "blobs" else number
        assert killed_when(what, last, tmp_path / "out", partial(main, arguments))
        assert nza.load(path)
        assert main(arguments) == 0
        assert nza.load(path)
        if name == "batch":
            with (tmp_path / "out" / "results.csv").open(newline="") as file:
                assert [row["state"] for row in csv.DictReader(file)] == ["done"]
