"""The virtual display is there while it is needed, and gone afterwards."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from napari_zstack_align.cli.display import has_display, virtual_display

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 is for Linux")


@on_linux
@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_has_display(monkeypatch, name):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_display()
    monkeypatch.setenv(name, ":7")
    assert has_display()


@on_linux
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_virtual_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with virtual_display() as there:
        assert there
        socket = Path("/tmp/.X11-unix/X" + os.environ["DISPLAY"].removeprefix(":"))
        assert socket.exists()
    assert "DISPLAY" not in os.environ
    assert not socket.exists()


def test_no_xvfb(monkeypatch):
    monkeypatch.setenv("PATH", "")
    before = dict(os.environ)
    with virtual_display() as there:
        assert not there
        assert dict(os.environ) == before
