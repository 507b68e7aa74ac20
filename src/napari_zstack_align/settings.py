"""Names of settings in sentences: written once, read in the words of each place.

A sentence names a setting as Python takes it, in backquotes: `` `dark_level` ``, or
`` `frames_per_slice=9, order='slices'` ``. The command line shows its flags instead, the panel the
titles of its fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from napari_zstack_align.params import MODELS, flag_of

_NAMED = re.compile(r"`(?P<settings>[a-z]\w*(?:=[^`]*)?)`(?P<of_reference> of the reference)?")
OPENING = (
    *("axes", "frames_per_slice", "order", "channels", "plane", "drop_frames", "pixel_size_um"),
    *("z_step_um", "z_positions_um", "frame_rate_hz", "frame_times_s", "image", "whole_frames"),
    *("line_phase", "line_phase_subpixel", "channel_names", "rois_pixel_size"),
)
"""Settings of files and arrays; the others are those of the parameter models."""
_EACH = re.compile(r"(?P<name>[a-z]\w*)(?:=(?P<value>'[^']*'|[^,']*))?(?:, )?")

FLAGS = {"pixel_size_um": "--pixel-size", "z_step_um": "--z-step", "frame_times_s": "--frame-rate"}
"""Of settings whose flag isn't their name."""
GIVE_TIMES = "read the traces with `frame_times_s`"
GIVE_PIXEL_SIZE = "read the traces with `pixel_size_um`"
_THERE = (
    "type the '{}' on the Load tab, and read the traces again (a recording of a session: load it "
    "there, and add it with 'Layers' on the Recordings tab)"
)
IN_PANEL = {
    GIVE_TIMES: _THERE.format("Frame interval (s)"),
    GIVE_PIXEL_SIZE: _THERE.format("Pixel size y × x (µm)"),
    "open its whole frames with `whole_frames=True`": "click 'Open the whole frames'",
}
"""What the panel has no setting for on the same tab, and how it is done there."""
UNITS = ("_um", "_px", "_s")
"""At the end of names; a title has them in brackets, or not at all."""


def in_flags(sentence: str) -> str:
    """Return a sentence with the flags of the settings that it names."""
    return _NAMED.sub(lambda found: _each(found, _flag_of(found["of_reference"]), " "), sentence)


def in_titles(sentence: str) -> str:
    """Return a sentence with the titles that fields in the panel have."""

    def titled(found: re.Match[str]) -> str:
        return f"'{_each(found, _title, ', ')}'{found['of_reference'] or ''}"

    for asked, done in IN_PANEL.items():
        sentence = sentence.replace(asked, done)
    return _bare().sub(titled, _NAMED.sub(titled, sentence))


@cache
def _bare() -> re.Pattern[str]:
    """Settings without backquotes: names that are no words, and others with a value.

    Those in names of files, or in quotes, are left alone.
    """
    names = {*OPENING, *(field for model in MODELS for field in model.model_fields)}
    long = "|".join(sorted((name for name in names if "_" in name), key=len, reverse=True))
    short = "|".join(sorted(name for name in names if "_" not in name))
    value = r"=(?:'[^']*'|[\w.]*\w)"
    return re.compile(
        rf"(?<![\w./\\'`-])(?P<settings>(?:{long})(?:{value})?|(?:{short}){value})"
        rf"(?P<of_reference>)(?![\w/\\'`-]|\.\w)"
    )


def _each(found: re.Match[str], written: Callable[[str, str], str], between: str) -> str:
    """Write every setting of a group in other words."""
    settings = _EACH.finditer(found["settings"])
    return between.join(written(s["name"], (s["value"] or "").strip("'")) for s in settings)


def _flag_of(of_reference: str | None) -> Callable[[str, str], str]:
    """Write settings as flags: those of a reference have flags of their own."""

    def flag(name: str, value: str) -> str:
        text = flag_of(f"reference_{name}") if of_reference else FLAGS.get(name, flag_of(name))
        return text if value in ("", "True") else f"{text} {value}"

    return flag


def _title(name: str, value: str) -> str:
    for unit in UNITS:
        name = name.removesuffix(unit)
    title = name.replace("_", " ").capitalize()
    return title if value in ("", "True") else f"{title}: {value}"
