"""The virtual display is there while it is needed, and gone afterwards."""

import os
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_zstack_align.cli.display import has_display, virtual_display
from napari_zstack_align.cli.main import main

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 is for Linux")


@pytest.fixture
def nothing_set(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@on_linux
def test_wayland_or_a_platform_without_windows_needs_no_x_server(nothing_set):
    assert not has_display()
    nothing_set.setenv("QT_QPA_PLATFORM", "offscreen")
    assert has_display()
    nothing_set.setenv("QT_QPA_PLATFORM", "xcb")
    assert not has_display()
    nothing_set.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert has_display()


@on_linux
@pytest.mark.parametrize("display", [":0", ":0.0", "unix:0"])
def test_a_display_counts_where_a_server_listens(nothing_set, tmp_path, display):
    nothing_set.setattr("napari_zstack_align.cli.display.LOCAL_SOCKET", f"{tmp_path}/X{{number}}")
    nothing_set.setenv("DISPLAY", display)
    assert not has_display()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/X0")
        server.listen()
        assert has_display()
    assert not has_display()  # the file is still there, but nobody answers


@on_linux
def test_a_display_of_ssh_counts_where_its_port_answers(nothing_set):
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1] - 6000
        nothing_set.setenv("DISPLAY", f"localhost:{number}.0")
        assert has_display()
    assert not has_display()


@on_linux
@pytest.mark.parametrize("display", ["", "7", ":", "nonsense:x", "localhost:999999"])
def test_a_display_that_is_none(nothing_set, display):
    nothing_set.setenv("DISPLAY", display)
    assert not has_display()


@on_linux
def test_view_without_a_display_is_one_sentence(nothing_set, tmp_path, capsys):
    pytest.importorskip("napari", reason="napari is not installed")
    np.save(tmp_path / "a.npy", np.ones((4, 16, 16), np.uint16))
    assert main(["view", str(tmp_path / "a.npy")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("zstack-align: There is no display to open napari on")
    assert err.count("\n") == 1


@on_linux
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_virtual_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with virtual_display() as there:
        assert there
        socket_file = Path("/tmp/.X11-unix/X" + os.environ["DISPLAY"].removeprefix(":"))
        assert socket_file.exists()
    assert "DISPLAY" not in os.environ
    assert not socket_file.exists()


def test_no_xvfb(monkeypatch):
    monkeypatch.setenv("PATH", "")
    before = dict(os.environ)
    with virtual_display() as there:
        assert not there
        assert dict(os.environ) == before
