"""`Parts`: the parts of the panel, each of which is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

from qtpy.QtWidgets import QTabWidget, QWidget

from napari_zstack_align.gui.pages import Page
from napari_zstack_align.gui.part import Part
from napari_zstack_align.saved import Kind

P = TypeVar("P", bound=Part)


class Parts:
    """Makes the parts of the panel one by one, as they are needed, and fills their pages.

    To make the widgets of all tabs takes napari most of a second. So the pages stand empty until
    somebody opens one, or something else asks for its part. Who asks here never gets a part that
    is half there; who only passes something on passes it to those that are `made`.

    Parameters
    ----------
    tabs : QTabWidget
        Gets a page for each title, in order.
    makers : mapping from type of Part to callable
        How each part is made, in the order of its tabs.
    on_made : callable
        Called with each new part, once its pages are filled.
    """

    def __init__(
        self,
        tabs: QTabWidget,
        makers: Mapping[type[Part], Callable[[], Part]],
        on_made: Callable[[Part], object],
    ) -> None:
        self._makers = makers
        self._on_made = on_made
        self._made: dict[type[Part], Part] = {}
        self._places = [(kind, k) for kind in makers for k in range(len(kind.titles))]
        self._pages = [Page() for _ in self._places]
        for (kind, k), page in zip(self._places, self._pages, strict=True):
            tabs.addTab(page, kind.titles[k])

    @property
    def made(self) -> tuple[Part, ...]:
        """The parts that there are so far, in order."""
        return tuple(self._made[kind] for kind in self._makers if kind in self._made)

    def each(self) -> Iterator[Part]:
        """Go through all parts, and make them on the way."""
        return (self.of(kind) for kind in self._makers)

    def of(self, kind: type[P]) -> P:
        """Return a part, which is made where it isn't there yet."""
        if kind not in self._made:
            self._make(kind)
        return cast(P, self._made[kind])

    def at(self, index: int) -> tuple[Part, QWidget]:
        """Return the part whose tab stands at a position, and that tab."""
        kind, k = self._places[index]
        part = self.of(kind)
        return part, part.tabs[k]

    def index_of(self, tab: QWidget) -> int:
        """Return the position of a tab."""
        return next(i for i, page in enumerate(self._pages) if page.isAncestorOf(tab))

    def that_opens(self, kind: Kind | None) -> Part | None:
        """Return the part that opens a kind of saved result; None where there is none."""
        return next((self.of(part) for part in self._makers if kind in part.kinds), None)

    def _make(self, kind: type[Part]) -> None:
        self._made[kind] = part = self._makers[kind]()
        for (owner, k), page in zip(self._places, self._pages, strict=True):
            if owner is kind:
                page.fill(part.tabs[k])
        self._on_made(part)
