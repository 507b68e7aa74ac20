"""The table of exports: rows agree with their functions, and what is offered follows from it."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from napari_zstack_align.cli.main import make_parser
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Progress, run
from napari_zstack_align.write import writers
from napari_zstack_align.write.cells.export import export_traces
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.write.writers import (
    WRITERS,
    Takes,
    Writer,
    choose_writer,
    endings_in_words,
)

ARGUMENTS = {Takes.VOLUME: 2, Takes.MOVIE: 2, Takes.TRANSFORMS: 2, Takes.ROIS: 3, Takes.TRACES: 3}


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: f"{writer.takes[-1]} {writer.name}")
def test_a_row_can_be_loaded_and_takes_what_it_says(writer: Writer) -> None:
    parameters = inspect.signature(writer.load()).parameters.values()
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert {ARGUMENTS[what] for what in writer.takes} == {len(positional)}
    assert "overwrite" in {p.name for p in parameters}
    assert all(suffix == suffix.lower() and suffix[:1] in ("", ".") for suffix in writer.suffixes)
    assert bool(writer.extra) == bool(writer.package)


@pytest.mark.parametrize("takes", Takes)
def test_a_format_has_one_name(takes: Takes) -> None:
    rows = writers.writers_of(takes)
    assert len({row.name for row in rows}) == len({row.title for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("path", "takes", "name"),
    [
        ("a.OME.TIF", Takes.VOLUME, "ome-tiff"),
        ("a.tiff", Takes.MOVIE, "ome-tiff"),
        ("a.fiji.TIF", Takes.MOVIE, "fiji"),
        ("a.zarr", Takes.VOLUME, "ome-zarr"),
        ("a.bin", Takes.MOVIE, "suite2p-binary"),
        ("a.csv", Takes.TRANSFORMS, "csv"),
        ("a.csv", Takes.TRACES, "tidy"),
        ("plane0", Takes.TRACES, "suite2p"),
        ("a.tif", Takes.ROIS, "labels"),
    ],
)
def test_the_ending_chooses(path: str, takes: Takes, name: str) -> None:
    assert choose_writer(Path(path), takes).name == name


@pytest.mark.parametrize(
    ("path", "takes"),
    [("a.h5", Takes.VOLUME), ("a.avi", Takes.MOVIE), (".tif", Takes.ROIS), ("a.b", Takes.TRACES)],
)
def test_other_endings_are_refused(path: str, takes: Takes) -> None:
    with pytest.raises(InputError, match=r"must end in .*which chooses the format"):
        choose_writer(Path(path), takes)


def test_endings_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        Writer("a", "A", (".a", ".aa"), (Takes.MOVIE, Takes.ROIS), "m:f", program="Alpha"),
        Writer("b", "B", (".b",), (Takes.MOVIE, Takes.TRACES), "m:f"),
        Writer("c", "C", ("",), (Takes.TRACES,), "m:f", program="Gamma"),
    )
    monkeypatch.setattr(writers, "WRITERS", rows)
    assert endings_in_words(Takes.ROIS) == "ends in .a (Alpha) or .aa"
    assert endings_in_words(Takes.MOVIE) == "ends in .a (Alpha), .aa or .b"
    assert endings_in_words(Takes.TRACES) == "ends in .b or is a folder (Gamma)"


def _write(path, what, *more, overwrite=False):
    yield Progress("Writing", 0, 1)
    path.write_text("written")
    return path


@pytest.fixture
def avi(monkeypatch: pytest.MonkeyPatch) -> Writer:
    """A format of a file of its own and one row."""
    module = ModuleType("avi_format")
    module.write_avi = _write  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "avi_format", module)
    takes = (Takes.VOLUME, Takes.MOVIE, Takes.TRACES)
    row = Writer("avi", "AVI film", (".avi",), takes, "avi_format:write_avi", program="VLC")
    monkeypatch.setattr(writers, "WRITERS", (*WRITERS, row))
    return row


def test_a_new_export_is_one_row(
    avi: Writer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run(export_volume(tmp_path / "a.avi", np.zeros((2, 4, 5), np.uint8), "TYX"))
    assert path.read_text() == "written"
    with pytest.raises(InputError, match=r"or \.avi, which chooses the format"):
        export_volume(tmp_path / "a.mov", np.zeros((2, 4, 5)), "TYX")
    with pytest.raises(InputError, match=r"must be one of tidy, .*, avi, not 'mov'"):
        export_traces(tmp_path / "a.avi", [], "mov")
    for command, times in (("export", 3), ("adaptive", 1), ("zshift", 1)):
        with pytest.raises(SystemExit):
            make_parser(command).parse_args([command, "--help"])
        text = " ".join(capsys.readouterr().out.split())
        assert len(re.findall(r"\.avi \(VLC\)", text)) == times


def test_a_missing_package_is_named_with_its_extra(
    avi: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Writer(**{**vars(avi), "package": "no_such_package", "extra": "film"})
    monkeypatch.setattr(writers, "WRITERS", (row,))
    message = r"'AVI film' needs no_such_package, .* pip install 'napari-zstack-align\[film\]'"
    with pytest.raises(InputError, match=message):
        export_volume(tmp_path / "a.avi", np.zeros((2, 4, 5)), "TYX")
