"""Pictures to a film file, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

from napari_zstack_align.read import MADE_BY

Picture = npt.NDArray[np.uint8]

MP4, GIF = ".mp4", ".gif"
QUALITY = {"crf": "18", "preset": "fast"}
"""Of H.264: no difference is seen."""
TAIL_BYTES = 4096
"""So far from the end of a film stands who made it."""
GIF_END = b"\x3b"
GIF_COMMENT = b"\x21\xfe" + bytes([len(MADE_BY)]) + MADE_BY.encode() + b"\x00"


class Encoder(Protocol):
    """Takes the pictures of a film, (H, W, 3) uint8 RGB."""

    def add(self, picture: Picture) -> None:
        """Take the next one."""


@contextmanager
def encoder(path: Path, ending: str, size: tuple[int, int], rate: int) -> Iterator[Encoder]:
    """Write a film; it is whole at the end of the block.

    Parameters
    ----------
    path : pathlib.Path
        What is written, whatever its name.
    ending : str
        '.mp4' (H.264) or '.gif'.
    size : tuple of int
        (height, width) of the pictures in px, even numbers.
    rate : int
        Pictures a second.
    """
    kind = _Mp4 if ending == MP4 else _Gif
    with av.open(str(path), "w", format=ending[1:]) as container:
        container.metadata["comment"] = MADE_BY
        film = kind(container, size, rate)
        yield film
        film.finish()
    if ending == GIF:
        _sign_gif(path)


def is_film(path: Path) -> bool:
    """Whether a file is a film that was made here."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
            return MADE_BY.encode() in file.read()
    except OSError:
        return False


class _Mp4:
    def __init__(
        self, container: av.container.OutputContainer, size: tuple[int, int], rate: int
    ) -> None:
        self._container = container
        self._stream = container.add_stream("libx264", rate=rate, options=QUALITY)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"

    def add(self, picture: Picture) -> None:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


class _Gif:
    """Each picture has the 256 colours that suit it best."""

    def __init__(
        self, container: av.container.OutputContainer, size: tuple[int, int], rate: int
    ) -> None:
        self._container = container
        self._stream = container.add_stream("gif", rate=rate)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "pal8"
        self._graph = _with_palettes(size, rate)
        self._n_pictures = 0

    def add(self, picture: Picture) -> None:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = self._n_pictures
        self._n_pictures += 1
        self._graph.push(frame)
        self._encode()

    def finish(self) -> None:
        self._graph.push(None)
        self._encode()
        self._container.mux(self._stream.encode(None))

    def _encode(self) -> None:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)  # a graph may be one of sound
            self._container.mux(self._stream.encode(frame))


def _with_palettes(size: tuple[int, int], rate: int) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=size[1],
        height=size[0],
        format=av.VideoFormat("rgb24"),
        time_base=Fraction(1, rate),
    )
    split = graph.add("split")
    palettes = graph.add("palettegen", "stats_mode=single")
    use = graph.add("paletteuse", "new=1:dither=none")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palettes, 0, 0)
    split.link_to(use, 1, 0)
    palettes.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _sign_gif(path: Path) -> None:
    """Say in the file who made it, before its last byte: FFmpeg leaves GIFs without a comment."""
    with path.open("r+b") as file:
        file.seek(-len(GIF_END), 2)
        file.write(GIF_COMMENT + GIF_END)
