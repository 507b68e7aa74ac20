"""The one natural order of files and recordings: Rec1, rec2, Rec10."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from natsort import natsort_keygen, ns

Item = TypeVar("Item")

_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


def in_natural_order(items: Iterable[Item], name: Callable[[Item], object] = str) -> list[Item]:
    """Sort by numbers as numbers, folder by folder, whatever the case of letters.

    Names that differ in case or in leading zeros alone come in the order of their characters, so
    that the order doesn't depend on how a file system lists them.

    Parameters
    ----------
    items : iterable
        Paths, names, or what has one.
    name : callable, optional
        Name or path of an item.
    """
    return sorted(items, key=lambda item: (_natural(str(name(item))), str(name(item))))
