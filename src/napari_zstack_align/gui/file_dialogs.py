"""What file dialogs offer, as the tables of formats say."""

from __future__ import annotations

from collections.abc import Iterable

from napari_zstack_align.read import readers

ALL_FILES = "All files (*)"


def open_filter() -> str:
    """Return the filter of a dialog that opens images: all formats of files, then each."""
    rows = [(reader.title, reader.suffixes) for reader in readers.READERS if not reader.is_folder]
    return ";;".join(
        [_entry("Images", readers.file_suffixes()), *(_entry(*row) for row in rows), ALL_FILES]
    )


def _entry(title: str, endings: Iterable[str]) -> str:
    return f"{title} ({' '.join(f'*{ending}' for ending in endings)})"
