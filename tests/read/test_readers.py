"""The table of formats: rows agree with their modules, and all that is offered follows from it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.cli.main import make_parser
from napari_zstack_align.read import holds_frames, open_stack, readers
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._format import Format, Glance
from napari_zstack_align.read.readers import READERS, Reader, starts_with
from napari_zstack_align.sources import ArraySource


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_row_can_be_loaded_and_its_endings_are_its_own(reader: Reader) -> None:
    assert isinstance(reader.load(), Format)
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in reader.suffixes)
    others = {suffix for other in READERS if other is not reader for suffix in other.suffixes}
    assert not others & set(reader.suffixes)


def _open(path: Path) -> Opened:
    frames = np.frombuffer(path.read_bytes()[4:], np.uint8).reshape(-1, 4, 5)
    return Opened(ArraySource(frames, "TYX"), (path,), Facts(sizes=(len(frames),)))


@pytest.fixture
def twophoton(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A format of a module and one row."""
    module = ModuleType("twophoton_format")
    module.FORMAT = Format(lambda paths, wish: _open(*paths), lambda path: Glance.of(_open(path)))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "twophoton_format", module)
    row = Reader(
        name="twophoton",
        title="Twophoton",
        suffixes=(".2p",),
        recognises=starts_with(b"2PHO"),
        gives="nothing",
        module="twophoton_format",
    )
    monkeypatch.setattr(readers, "READERS", (*READERS, row))
    return row


def test_a_new_format_is_one_row(
    twophoton: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("a.2p", "no_ending"):
        (folder / name).write_bytes(b"2PHO" + bytes(range(60)))
    for path in (folder, folder / "a.2p", folder / "no_ending"):
        assert open_stack(path).shape == (3, 1, 4, 5)
        assert holds_frames(path)
    assert open_stack(folder / "a.2p").name == "a"
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(nza.InputError, match=r"\) or Twophoton \(\.2p\)\.$"):
        open_stack(tmp_path / "x")
    for command in ("info", "keypoints"):
        with pytest.raises(SystemExit):
            make_parser(command).parse_args([command, "--help"])
        assert f"{READERS[-1].title} or Twophoton" in " ".join(capsys.readouterr().out.split())


def test_a_missing_package_is_named_with_its_extra(
    twophoton: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Reader(**{**vars(twophoton), "package": "no_such_package", "extra": "twophoton"})
    monkeypatch.setattr(readers, "READERS", (row,))
    (tmp_path / "a.2p").write_bytes(b"2PHO" + bytes(20))
    message = (
        r"'Twophoton' needs no_such_package, .* pip install 'napari-zstack-align\[twophoton\]'"
    )
    with pytest.raises(nza.InputError, match=message):
        open_stack(tmp_path / "a.2p")
