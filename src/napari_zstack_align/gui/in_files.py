"""`InFiles`: results that were saved or opened one by one, as long as their files are there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from napari_zstack_align.gui.copies import Copy


class InFiles:
    """Knows which results are in a file, and in which; keeps none of them alive."""

    def __init__(self) -> None:
        self._copies: WeakKeyDictionary[Any, Copy | None] = WeakKeyDictionary()

    def __contains__(self, result: Any) -> bool:
        return result in self._copies

    def update(self, results: Iterable[Any], copy: Copy | None = None) -> None:
        """Note results that were saved or opened; without a copy, they are in a project."""
        for result in results:
            self._copies[result] = copy

    def copies(self, of: Iterable[Any] | None = None) -> set[Copy]:
        """Where all of them are, or some, as far as that is known."""
        wanted = list(self._copies) if of is None else of
        found = (self._copies.get(result) for result in wanted)
        return {copy for copy in found if copy is not None}

    def drop(self, gone: Iterable[Copy]) -> None:
        """Some copies are gone: their results are in no file any more."""
        gone = set(gone)
        for result in [each for each, copy in self._copies.items() if copy in gone]:
            del self._copies[result]
