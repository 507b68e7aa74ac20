"""The errors this package raises on purpose: each message is one clear sentence."""

from __future__ import annotations


class ZstackAlignError(Exception):
    """Base of every error that this package raises on purpose.

    The message says what is wrong and what to do about it. GUI and command line show it as it
    is, without a traceback. What other programs or the names of files bring in stays on one line.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(" ".join(str(message).splitlines()))


class InputError(ZstackAlignError, ValueError):
    """A file, an array or a parameter can't be used as it is."""


class DroppedFrameError(InputError):
    """A frame was dropped when its file was opened: it has no pixels."""


class MissingFrameError(InputError):
    """A frame is missing in its file, or its file is: it has no pixels."""


class BrokenOffError(InputError):
    """A file ends within a frame: the whole ones before can be opened by consent."""


class SeveralPlanesError(InputError):
    """A recording holds several planes, of which each has to be opened by itself.

    Parameters
    ----------
    message : str
    n_planes : int
        How many it holds.
    """

    def __init__(self, message: str, n_planes: int) -> None:
        super().__init__(message)
        self.n_planes = n_planes


class AlignmentError(ZstackAlignError, RuntimeError):
    """Nothing of the data could be aligned."""


class RunStopped(ZstackAlignError):
    """A run can't go on (a full disk, a raw file that is gone): a journal keeps what was finished.

    The same call goes on from there once the cause is removed.
    """


class ResultWarning(UserWarning):
    """A result is there, but is probably wrong: its ``summary()`` says why.

    `run` issues it in Python. The command line and the panel show the same sentence themselves.
    """


class Cancelled(ZstackAlignError):
    """A long action was stopped by the user before its end.

    Parameters
    ----------
    partial : object, optional
        The last immutable snapshot of what was finished (an Alignment, for example), or None
        where nothing was.
    """

    def __init__(self, partial: object = None) -> None:
        nothing = "Cancelled: nothing was finished yet, but for what a journal of the run keeps."
        finished = "Cancelled; what was finished is kept."
        super().__init__(nothing if partial is None else finished)
        self.partial = partial
