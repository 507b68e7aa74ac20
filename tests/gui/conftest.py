"""A display for the GUI tests: a virtual one where there is Xvfb, else Qt's off-screen one."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("napari", reason="napari is not installed")
pytest.importorskip("pytestqt", reason="pytest-qt is not installed")
from pytestqt.qtbot import QtBot

sys.path.insert(0, str(Path(__file__).parent))  # for the helper modules
from driving import end

os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
os.environ.setdefault("NAPARI_CATCH_ERRORS", "0")
os.environ.setdefault("NAPARI_CONFIG", "")  # writes no settings, which it does with each dock
_config = tempfile.TemporaryDirectory()  # ours are written elsewhere than a person's
os.environ["XDG_CONFIG_HOME"] = _config.name


def _start_display() -> subprocess.Popen[bytes] | None:
    """Start Xvfb on a free display number and point DISPLAY to it."""
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1600x1200x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp", "-noreset"],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        number = pipe.readline().strip()
    if not number:
        return None
    os.environ["DISPLAY"] = f":{number}"
    os.environ.pop("QT_QPA_PLATFORM", None)
    return server


def _has_xcb_libraries() -> bool:
    """Without one of these, Qt's X11 plugin aborts the program."""
    try:
        for name in ("cursor", "icccm", "keysyms"):
            ctypes.CDLL(ctypes.util.find_library(f"xcb-{name}") or f"libxcb-{name}.so")
    except OSError:
        return False
    return True


_server: subprocess.Popen[bytes] | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Give each process that runs tests a display of its own."""
    global _server
    only_hands_out_tests = config.getoption("numprocesses", None) and not hasattr(
        config, "workerinput"
    )
    if sys.platform != "linux" or os.environ.get("DISPLAY") or only_hands_out_tests:
        return
    if shutil.which("Xvfb") and _has_xcb_libraries():
        _server = _start_display()
    if _server is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def pytest_unconfigure() -> None:
    if _server is not None:
        _server.terminate()
        _server.wait(10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with the shared viewer come last.

    napari's own fixture wants no other viewer. pytest-xdist hands out tests in this order, so
    that it holds in each of its processes.
    """
    items.sort(key=lambda item: "shared_viewer" in getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory, monkeypatch) -> Path:
    """Where runs keep what is finished: a folder of each test's own, never the person's."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("ZSTACK_ALIGN_STATE", str(folder))
    return folder


QUESTION_MS = 5_000
PATIENCE_MS = 120_000
"""Only a test that fails waits this long; on a busy machine anything less can be too little."""


class PatientQtBot(QtBot):
    """pytest-qt's, whose waits give up after 5 s."""

    def waitUntil(self, callback, *, timeout=PATIENCE_MS):  # noqa: N802
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal, *, timeout=PATIENCE_MS, **options):  # noqa: N802
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitSignals(self, signals, *, timeout=PATIENCE_MS, **options):  # noqa: N802
        return super().waitSignals(signals, timeout=timeout, **options)


@pytest.fixture
def qtbot(qapp, request):
    return PatientQtBot(request)


def leave_out_of_collections() -> None:
    """Let the garbage collector look no more at what is there now and stays to the end.

    Hundreds of thousands of objects belong to the modules and to the viewer. napari collects
    garbage whenever a layer is removed, and every test does at its end: 0.2 s each time, which is
    0.004 s without them. What a test leaves behind is found as before.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _modules_are_no_garbage() -> None:
    leave_out_of_collections()


@pytest.fixture(autouse=True)
def _later_modules_are_no_garbage(qapp) -> Iterator[None]:
    """Nor are those that a test was the first to import, such as all that a window needs."""
    before = len(sys.modules)
    yield
    if len(sys.modules) > before:
        qapp.processEvents()
        leave_out_of_collections()


@pytest.fixture(scope="session")
def shared_viewer(qapp):
    """One viewer for the tests that needn't see it: making one takes seconds."""
    import napari

    from napari_zstack_align.gui import panel  # noqa: F401 (its modules stay as well)

    viewer = napari.Viewer(show=False)
    # Nobody sees it; Qt would work out the style of every widget of each panel and layer anew.
    for styled in (viewer.window._qt_window, viewer.window._qt_viewer):
        styled.setStyleSheet("")
    leave_out_of_collections()
    yield viewer
    viewer.close()


@pytest.fixture
def viewer(shared_viewer):
    return shared_viewer


@pytest.fixture
def first_tab():
    """Name of the tab that is in front when the panel opens."""
    return "Load"


@pytest.fixture
def panel(viewer, first_tab):
    from napari_zstack_align.gui.open import open_panel

    panel = open_panel(viewer, first_tab)
    yield panel
    end(viewer, panel)
    viewer.layers.clear()
    viewer.dims.ndisplay = 2


@pytest.fixture(autouse=True)
def _no_question_waits_for_ever(qapp) -> Iterator[None]:
    """A question that a test didn't expect fails it; it would wait until somebody answers."""
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication, QMessageBox

    seen, unanswered, timer = [], [], QTimer()

    def look():
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox) or seen != [box]:
            seen[:] = [box] if isinstance(box, QMessageBox) else []
            return
        unanswered.append(box.text())
        box.reject()

    timer.timeout.connect(look)
    timer.start(QUESTION_MS)
    yield
    timer.stop()
    assert not unanswered, f"nobody answered: {unanswered}"


@pytest.fixture
def answer(qtbot):
    """Click a button of the next question; the texts of those that were asked."""
    from qtpy.QtCore import Qt, QTimer
    from qtpy.QtWidgets import QApplication, QMessageBox

    waiting, timer = [], QTimer()

    def answer(name):
        waiting.append(name)

    def look():
        box = QApplication.activeModalWidget()
        if waiting and isinstance(box, QMessageBox):
            answer.asked.append(box.text())
            name = waiting.pop(0)
            button = next(each for each in box.buttons() if each.text().replace("&", "") == name)
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    answer.asked = []
    timer.timeout.connect(look)
    timer.start(20)
    yield answer
    timer.stop()
    assert not waiting, f"no question for {waiting}"


@pytest.fixture
def zstack_file(shared_data: Path) -> Path:
    """Real z-stack: 8 planes, 7 repeats each."""
    return shared_data / "zstack_repeats" / "stack.tif"


@pytest.fixture(autouse=True)
def no_leaked_widgets(qapp):
    """Fail where a test leaves a visible top-level widget of this package, or a worker, behind."""
    from napari_zstack_align.gui import worker

    yield
    qapp.processEvents()
    gc.collect()
    ours = [
        widget
        for widget in qapp.topLevelWidgets()
        if type(widget).__module__.startswith("napari_zstack_align") and widget.isVisible()
    ]
    names = [type(widget).__name__ for widget in ours]
    for widget in ours:
        widget.close()
    assert not names, f"leaked top-level widgets: {names}"
    running = [w for w in list(worker._running) if not w.wait(PATIENCE_MS)]
    for left in running:
        left.abandon()
    assert not running, "a worker was still running at the end of the test"
