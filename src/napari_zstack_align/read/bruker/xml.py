"""The XML of a Bruker (Prairie View) folder: which file holds which frame, and its time.

Prairie View 5 writes ``<PVStateValue key=...>``, earlier versions ``<Key key=... value=...>``. Both
are set for the whole scan, for a sequence or for a single frame; what is set later holds on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._units import number

Place: TypeAlias = tuple[str, int]
"""Name of a file, and page in it."""

DATES = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S")
MOST_FRAMES = 10_000_000


@dataclass(frozen=True)
class PrairieFrame:
    """A frame: where its channels are, and what is said of it.

    Attributes
    ----------
    places : dict of int to Place
        By number of the channel.
    time_s : float, optional
        Since the beginning of the scan, or of its sequence.
    z_um : float, optional
        Depth.
    """

    places: dict[int, Place]
    time_s: float | None = None
    z_um: float | None = None


@dataclass(frozen=True)
class PrairieSequence:
    """Frames that the microscope took in one go: a volume, or a stretch of time."""

    kind: str
    frames: tuple[PrairieFrame, ...]
    goes_back: bool = False

    @property
    def is_volume(self) -> bool:
        """Whether each frame is another slice."""
        return "zseries" in self.kind.lower()


@dataclass(frozen=True)
class PrairieScan:
    """All that the XML says.

    Attributes
    ----------
    version : str
        Of Prairie View; '' where it isn't known.
    sequences : tuple of PrairieSequence
    channel_names : dict of int to str
    pixel_size_um : tuple of float, optional
        (y, x).
    z_step_um : float, optional
    frame_period_s : float, optional
    started_at : datetime.datetime, optional
    times_go_on : bool
        Whether times are those of the whole scan, not of a sequence.
    """

    version: str
    sequences: tuple[PrairieSequence, ...]
    channel_names: dict[int, str] = field(default_factory=dict)
    pixel_size_um: tuple[float, float] | None = None
    z_step_um: float | None = None
    frame_period_s: float | None = None
    started_at: datetime | None = None
    times_go_on: bool = True


def read_prairie_xml(path: Path) -> PrairieScan:
    """Read the XML of a scan.

    Raises
    ------
    InputError
        Where it is damaged.
    """
    reading = _Reading(path)
    with readable(path), path.open("rb") as file:
        try:
            for event, element in ElementTree.iterparse(file, ["start", "end"]):
                reading.see(event, element)
        except ElementTree.ParseError as error:
            raise reading.damaged(str(error)) from None
    return reading.scan()


class _Reading:
    """What was read of the XML so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: dict[str, str] = {}
        self._root: dict[str, str] = {}
        self._sequences: list[PrairieSequence] = []
        self._frames: list[PrairieFrame] = []
        self._names: dict[int, str] = {}
        self._first: dict[str, str] = {}
        self._goes_on = True
        self._inside: list[str] = []

    def see(self, event: str, element: ElementTree.Element) -> None:
        """Take note of an element."""
        if event == "start":
            self._inside.append(element.tag)
            if element.tag == "PVScan":
                self._root = dict(element.attrib)
            return
        self._inside.pop()
        if element.tag in ("PVStateValue", "Key"):
            self._state.update(_values(element))
        elif element.tag == "Frame":
            self._take_frame(element)
        elif element.tag == "Sequence":
            self._take_sequence(element)
        if element.tag in ("Frame", "Sequence", "PVStateShard"):
            element.clear()  # a scan may have a hundred thousand frames

    def scan(self) -> PrairieScan:
        """All of it."""
        state = self._first or self._state
        size = tuple(number(state.get(f"micronsPerPixel/{axis}")) for axis in ("YAxis", "XAxis"))
        y, x = size
        return PrairieScan(
            version=self._root.get("version", ""),
            sequences=tuple(self._sequences),
            channel_names=self._names,
            pixel_size_um=None if y is None or x is None else (y, x),
            z_step_um=number(state.get("micronsPerPixel/ZAxis")),
            frame_period_s=number(state.get("framePeriod")),
            started_at=_date(self._root.get("date", "")),
            times_go_on=self._goes_on,
        )

    def damaged(self, why: str) -> InputError:
        """Say that the XML can't be read."""
        return InputError(
            f"{self._path} describes a Bruker recording, but can't be read ({why}): copy it again."
        )

    def _take_frame(self, element: ElementTree.Element) -> None:
        if len(self._frames) >= MOST_FRAMES:
            raise self.damaged("it lists too many frames")
        places: dict[int, Place] = {}
        for file in element.findall("File"):
            channel, page = _whole(file.get("channel")), _whole(file.get("page", "1"))
            name = (file.get("filename") or "").replace("\\", "/").rpartition("/")[2]
            if channel is None or page is None or page < 1 or not name:
                raise self.damaged(f"frame {len(self._frames) + 1} names no file")
            places[channel] = (name, page - 1)
            self._names.setdefault(channel, file.get("channelName") or f"Ch{channel}")
        self._first = self._first or dict(self._state)
        if "absoluteTime" not in element.attrib:
            self._goes_on = False
        time = element.get("absoluteTime") or element.get("relativeTime")
        frame = PrairieFrame(places, _number(time), _number(self._depth()))
        if places:
            self._frames.append(frame)

    def _take_sequence(self, element: ElementTree.Element) -> None:
        kind = element.get("type", "")
        goes_back = element.get("bidirectionalZ", "").lower() == "true"
        if self._frames:
            self._sequences.append(PrairieSequence(kind, tuple(self._frames), goes_back))
        self._frames = []

    def _depth(self) -> str | None:
        """Depth as it stands now: of two focus drives, that of the first with others added."""
        depths = [v for k, v in self._state.items() if k.startswith("positionCurrent/ZAxis")]
        known = [value for value in map(_number, depths) if value is not None]
        return str(sum(known)) if known else None


def _values(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Names and values of a state: 'positionCurrent/ZAxis/0' for one of several."""
    key = (
        element.get("key", "").replace("_", "/", 1) if element.tag == "Key" else element.get("key")
    )
    if (value := element.get("value")) is not None:
        yield str(key), value
    for indexed in element.findall("IndexedValue"):
        yield f"{key}/{indexed.get('index')}", indexed.get("value", "")
    for group in element.findall("SubindexedValues"):
        for each in group.findall("SubindexedValue"):
            yield f"{key}/{group.get('index')}/{each.get('subindex')}", each.get("value", "")


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _number(text: str | None) -> float | None:
    """A number that may be 0 or below."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e12 else None


def _date(text: str) -> datetime | None:
    for form in DATES:
        try:
            return datetime.strptime(text.strip(), form)
        except ValueError:
            continue
    return None
