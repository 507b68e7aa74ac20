"""Images put aside in a temporary file, so that a long session doesn't fill the memory."""

from __future__ import annotations

import tempfile
from threading import Lock

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import ZstackAlignError

Image = npt.NDArray[np.float32]


class ImageFile:
    """Images of one shape, kept on disk until the last use of this object.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of every image.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._bytes = int(np.prod(shape)) * 4
        try:
            self._file = tempfile.TemporaryFile(prefix="zstack-align-")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise _no_room(error) from None
        self._lock = Lock()
        self._count = 0

    def add(self, image: Image) -> int:
        """Put an image aside; returns its number."""
        content = np.ascontiguousarray(image, np.float32).tobytes()
        try:
            with self._lock:
                number = self._count
                self._file.seek(number * self._bytes)
                self._file.write(content)
                self._count += 1
        except OSError as error:
            raise _no_room(error) from None
        return number

    def read(self, number: int) -> Image:
        """Fetch an image (Y, X) float32."""
        with self._lock:
            self._file.seek(number * self._bytes)
            content = self._file.read(self._bytes)
        return np.frombuffer(content, np.float32).reshape(self._shape).copy()

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


def _no_room(error: OSError) -> ZstackAlignError:
    try:
        folder = tempfile.gettempdir()
    except OSError:
        folder = "of this system"
    return ZstackAlignError(
        f"The temporary folder {folder} can't take the means of the chunks "
        f"({error.strerror or error}): make room, or set TMPDIR to another folder."
    )
