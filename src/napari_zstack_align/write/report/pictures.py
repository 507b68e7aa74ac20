"""Pictures in a report: PNG in the page itself, raw and aligned under the same contrast."""

from __future__ import annotations

from base64 import b64encode

import cv2
import numpy as np

from napari_zstack_align.write.grey import Image, contrast_of, in_grey
from napari_zstack_align.write.report.page import Html, element, joined, text

LARGEST_PX = 768
"""Larger pictures are shrunk: a report is looked at, not measured."""
WIDE = 3
"""Images so many times as wide as high, such as sections, stand one below the other."""


def compared(title: str, before: Image, after: Image) -> Html:
    """Raw and aligned image side by side, and one over the other: a click changes them.

    Parameters
    ----------
    title : str
        What they show.
    before, after : numpy.ndarray
        (Y, X) float32; NaN is black.
    """
    limits = contrast_of(after)
    pair = [_source(image, limits) for image in (before, after)]
    beside = [
        element("figure", joined([_image(source, alt), element("figcaption", text(alt))]))
        for source, alt in zip(pair, ("raw", "aligned"), strict=True)
    ]
    over = joined(
        [
            Html('<input type="checkbox" aria-label="show the aligned image">'),
            _image(pair[0], "raw", "first"),
            _image(pair[1], "aligned", "second"),
            element("span", text("raw; click for aligned"), class_="faint first"),
            element("span", text("aligned; click for raw"), class_="faint second"),
        ]
    )
    images = joined([*beside, element("label", over, class_="flicker")])
    caption = element("figcaption", text(title))
    shape = "pair wide" if after.shape[1] > WIDE * after.shape[0] else "pair"
    return element("figure", joined([caption, element("div", images, class_=shape)]))


def _image(source: str, alt: str, kind: str = "") -> Html:
    return Html(f'<img src="{source}" alt="{alt}"{f" class={kind}" if kind else ""}>')


def _source(image: Image, limits: tuple[float, float]) -> str:
    picture = in_grey(image, limits)
    factor = LARGEST_PX / max(picture.shape)
    if factor < 1:
        size = [max(round(factor * n), 1) for n in picture.shape[::-1]]
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    _, packed = cv2.imencode(".png", picture)
    return f"data:image/png;base64,{b64encode(packed.tobytes()).decode()}"
