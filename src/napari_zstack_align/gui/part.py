"""`Part`: some tabs of the panel that belong together, and what the panel tells them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.saved import Kind

if TYPE_CHECKING:
    from napari_zstack_align.gui.project.opening import Opened
    from napari_zstack_align.project import Project


class Part(QObject):
    """Tabs of the panel with what they show; all of it belongs to the main thread.

    The panel asks for the properties once, and calls the methods when something happens. The
    defaults do nothing. A part is made when it is first needed: what has happened before, it finds
    in the workspace.

    Attributes
    ----------
    titles : tuple of str
        Names of the tabs, in order.
    kinds : tuple of Kind
        The saved results that the part opens.
    registers : bool
        Whether alignments come out of its jobs.
    """

    titles: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[Kind, ...]] = ()
    registers: ClassVar[bool] = False

    tab_wanted = Signal(object)
    """One of the own tabs, to be brought to the front."""

    @property
    def tabs(self) -> tuple[QWidget, ...]:
        """The tabs, one for each title."""
        return ()

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        return ()

    @property
    def kept_bars(self) -> tuple[Any, ...]:
        """Those of the ``run_bars`` whose run can go on when napari is started again."""
        return ()

    @property
    def combos(self) -> tuple[Any, ...]:
        """Choices that follow the viewer's layers."""
        return ()

    @property
    def above(self) -> QWidget | None:
        """What stands above the tabs while one of the own ones is in front."""
        return None

    @property
    def below(self) -> QWidget | None:
        """What stands below the tabs."""
        return None

    def show_tab(self, tab: QWidget) -> None:
        """Any tab, perhaps of another part, has come to the front."""

    def enter(self) -> None:
        """One of the own tabs is in front: sliders, overlay and plots are about it now."""

    def follow(self, view: FrameInView | None) -> None:
        """Something else is in view while one of the own tabs is in front."""

    def toggle(self) -> None:
        """Switch between raw and aligned frames, while one of the own tabs is in front."""

    def open_saved(self, folder: Path) -> None:
        """Open a saved result of one of the ``kinds``."""

    def collect(self, project: Project) -> Project:
        """Return a project with what the part holds added: a snapshot, made in a moment."""
        return project

    def restore(self, opened: Opened) -> Iterator[None]:
        """Show what an opened project holds, instead of what is shown.

        Each step takes napari a moment; the event loop turns between them.
        """
        yield

    def on_removed(self, layer: Any) -> None:
        """A layer was removed from the viewer."""

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""

    def let_go(self) -> None:
        """Disconnect from the viewer: the panel is closed."""
