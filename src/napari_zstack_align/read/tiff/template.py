"""A file of one page as a template for the files like it: only where the pixels lie is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.tiff.pages import (
    COUNTS,
    DESCRIPTION,
    KIND_TAGS,
    OFFSETS,
    SUBFILE,
    Pages,
)
from napari_zstack_align.read.tiff.tags import Chain, tag_values


@dataclass(frozen=True)
class Template:
    """The directory of a page, and its row in a table.

    ``same`` marks the bytes that must be equal in other files: all but the values of tags that
    may differ between frames, such as descriptions and positions.
    """

    chain: Chain
    pages: Pages
    same: npt.NDArray[np.bool_]
    offset_tag: int
    count_tag: int | None
    text_tag: int | None

    @classmethod
    def of(cls, chain: Chain, pages: Pages) -> Self | None:
        """Make a template of a file, if it has one page with one strip of one sample."""
        kind = pages.kinds[int(pages.kind[0])]
        if len(chain.blocks) != 1 or len(pages) != 1 or kind.segments != 1 or kind[277] != 1:
            return None
        if chain.broken or chain.looped:
            return None
        flavour = chain.flavour
        codes = _tags(chain)["code"].tolist()
        same = np.ones(len(chain.blocks[0]), bool)
        for j, code in enumerate(codes):
            if code not in KIND_TAGS and code != SUBFILE:
                end = flavour.count.size + (j + 1) * flavour.tag_bytes
                varying = flavour.pointer.size * (1 if code in (*OFFSETS, *COUNTS) else 2)
                same[end - varying : end] = False
        offset_tag = next(j for j, code in enumerate(codes) if code in OFFSETS)
        count_tag = next((j for j, code in enumerate(codes) if code in COUNTS), None)
        text_tag = codes.index(DESCRIPTION) if DESCRIPTION in codes else None
        return cls(chain, pages, same, offset_tag, count_tag, text_tag)

    def fill(self, chain: Chain) -> Pages | None:
        """Table of another file, or None if it is not like this one.

        The bytes that must be equal tell all: those of the tags' codes differ in another byte
        order, and those of the pointer at the end where another page follows.
        """
        if len(chain.blocks[0]) != len(self.chain.blocks[0]):
            return None
        block, like = (np.frombuffer(c.blocks[0], np.uint8) for c in (chain, self.chain))
        if not (block == like)[self.same].all():
            return None
        offset = _value(chain, self.offset_tag)
        count = self.pages.count if self.count_tag is None else _value(chain, self.count_tag)
        kind = self.pages.kinds[0]
        plain = self.pages.contiguous & (offset > 0)
        end = offset + (kind.n_bytes if kind.stored_plainly else count)
        text, text_bytes = self._text(chain)
        return replace(
            self.pages,
            paths=(chain.path,),
            offset=offset,
            count=count,
            contiguous=plain,
            end=end,
            text=text,
            text_bytes=text_bytes,
            sizes=(chain.size,),
        )

    def _text(self, chain: Chain) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Position and length of the description, (1,) each; 0 where there is none outside."""
        none = np.zeros(1, np.int64)
        if self.text_tag is None:
            return none, none
        length = int(_tags(chain)["count"][self.text_tag])
        if length <= chain.flavour.pointer.size:
            return none, none
        pointer = _tags(chain)["value"][self.text_tag : self.text_tag + 1]
        kind = 16 if chain.flavour.big else 4
        return tag_values(pointer, kind, chain.flavour.byteorder), none + length


def _tags(chain: Chain) -> npt.NDArray[np.void]:
    flavour = chain.flavour
    body = chain.blocks[0][flavour.count.size : -flavour.pointer.size]
    return np.frombuffer(body, flavour.tag)


def _value(chain: Chain, j: int) -> npt.NDArray[np.int64]:
    """Value of tag j, (1,)."""
    tag = _tags(chain)[j : j + 1]
    return tag_values(tag["value"], int(tag["type"][0]), chain.flavour.byteorder)
