"""Whether there is a screen, and a virtual one where there is none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WITH_A_SERVER = ("", "xcb", "wayland", "wayland-egl")
"""Qt's platforms on Linux that show windows on a display server; it aborts where none answers."""
LOCAL_SOCKET = "/tmp/.X11-unix/X{number}"
FIRST_PORT, WAIT_S = 6000, 2.0
"""Display N of another computer, or of ssh -X, listens on this port + N."""


def has_display() -> bool:
    """Whether a window can be shown; a display that is named but doesn't answer shows none."""
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] not in WITH_A_SERVER:
        return True
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    display = os.environ.get("DISPLAY", "")
    return bool(display) and _answers(display)


def _answers(display: str) -> bool:
    """Whether a server listens at an X display, 'HOST:NUMBER.SCREEN'; no host: this computer."""
    host, _, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not number.isdigit():
        return False
    if host not in ("", "unix"):
        return _connects(socket.AF_INET, (host, FIRST_PORT + int(number)))
    path = LOCAL_SOCKET.format(number=number)
    # Linux offers the same name in its abstract space, where a container may not see the file.
    return _connects(socket.AF_UNIX, path) or _connects(socket.AF_UNIX, f"\0{path}")


def _connects(family: socket.AddressFamily, address: Any) -> bool:
    with socket.socket(family) as tried:
        tried.settimeout(WAIT_S)
        try:
            tried.connect(address)
        except (OSError, OverflowError):
            return False
    return True


@contextmanager
def virtual_display() -> Iterator[bool]:
    """Give Qt and OpenGL an invisible screen (Xvfb); False where that isn't installed."""
    if shutil.which("Xvfb") is None:
        yield False
        return
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1600x1200x24"]
    with subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[write_end], stderr=subprocess.DEVNULL
    ) as server:
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            number = pipe.readline().strip()
        try:
            with _environment(DISPLAY=f":{number}", QT_QPA_PLATFORM="xcb"):
                yield bool(number)
        finally:
            server.terminate()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
