"""A fault of this program never reads as the user's damaged file, whatever error it raises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from napari_zstack_align.errors import InputError
from napari_zstack_align.read import _quiet, _zarr, open_stack
from napari_zstack_align.read._damage import damage, is_ours
from napari_zstack_align.read.tiff import head, source

ERRORS = (TypeError, AttributeError, RuntimeError, KeyError, ValueError)


def raiser(module: str, error: type[Exception]) -> Callable[..., Any]:
    """Return a function of a module that raises an error."""
    space: dict[str, Any] = {"__name__": module, "error": error}
    exec("def fails(*args, **options):\n    raise error('oh')", space)
    function: Callable[..., Any] = space["fails"]
    return function


@pytest.mark.parametrize("error", ERRORS)
def test_the_line_that_raised_decides(error: type[Exception]) -> None:
    ours, theirs = (raiser(name, error) for name in ("napari_zstack_align.x", "zarr.core.y"))
    with pytest.raises(error) as caught, damage(ERRORS, lambda why: InputError(str(why))):
        ours()
    assert is_ours(caught.value)
    with pytest.raises(InputError, match="oh"), damage(ERRORS, lambda why: InputError(str(why))):
        theirs()
    with pytest.raises(OSError, match="disk"), damage(ERRORS, lambda why: InputError(str(why))):
        raise OSError("disk")


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    pixels = np.arange(6 * 20 * 24, dtype=np.uint16).reshape(6, 20, 24)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression="zlib")
    return tmp_path / "a.tif"


def takes_nothing() -> None:
    """Stands for a function that we call wrongly."""


def test_a_wrong_call_of_zarr_is_no_damage(tmp_path: Path, monkeypatch) -> None:
    zarr.save(tmp_path / "a.zarr", np.zeros((3, 8, 8), np.uint16))
    monkeypatch.setattr(_zarr.zarr, "open", takes_nothing)
    with pytest.raises(TypeError, match="takes_nothing"):
        open_stack(tmp_path / "a.zarr")


def test_a_wrong_call_of_tifffile_is_no_damage(tiff: Path, monkeypatch) -> None:
    stack = open_stack(tiff)
    monkeypatch.setattr(tifffile, "TiffFile", takes_nothing)
    for act in (
        lambda: head.read_head(tiff),
        lambda: _quiet.tags_of_first_page(tiff, "Software"),
        lambda: stack.read(0, 1),
    ):
        with pytest.raises(TypeError, match="takes_nothing"):
            act()


@pytest.mark.parametrize("error", [RuntimeError, KeyError, ValueError, MemoryError])
def test_a_fault_while_decoding_is_no_damage(tiff: Path, monkeypatch, error) -> None:
    stack = open_stack(tiff)
    for module, expected in (("napari_zstack_align.read.x", error), ("imagecodecs.x", InputError)):
        fails = raiser(module, error)
        monkeypatch.setattr(source, "_make_decoder", lambda *_, fails=fails: fails)
        stack.source.__dict__.pop("_decoders", None)
        with pytest.raises(expected):
            stack.read(0, 1)


@pytest.mark.parametrize("value", ["", b"ab", (1, 2, 3), float("nan"), None])
def test_a_unit_of_resolution_that_is_no_number_is_damage(tiff: Path, monkeypatch, value) -> None:
    monkeypatch.setattr(tifffile.TiffPage, "resolutionunit", property(lambda _: value))
    with pytest.raises(InputError, match="can't be read as a TIFF file"):
        head.read_head(tiff)
