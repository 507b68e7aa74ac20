"""What file dialogs offer, as the tables of formats say, and under which name is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.save_dialog import choose_name
from napari_zstack_align.read import readers
from napari_zstack_align.saved import (
    Kind,
    beside_note,
    occupant_of,
    partial_name,
    session_of,
    target_of,
)
from napari_zstack_align.write.writers import Writer, by_ending

ALL_FILES = "All files (*)"


def open_filter() -> str:
    """Return the filter of a dialog that opens images: all formats of files, then each."""
    rows = [(reader.title, reader.suffixes) for reader in readers.READERS if reader.is_file]
    return ";;".join(
        [_entry("Images", readers.file_suffixes()), *(_entry(*row) for row in rows), ALL_FILES]
    )


def one_filter(title: str, writers: Sequence[Writer]) -> str:
    """Return the filter of a dialog that opens any of what these formats write."""
    return _entry(title, (suffix for writer in writers for suffix in writer.suffixes))


def save_filter(writers: Sequence[Writer]) -> str:
    """Return the filter of a dialog that writes: an entry for each format."""
    return ";;".join(_entry(writer.title, writer.suffixes) for writer in writers)


def ask_where_to_write(
    parent: Any,
    title: str,
    proposed: str,
    writers: Sequence[Writer],
    targets: Callable[[Writer, Path], Sequence[Path]] = lambda writer, path: [writer.target(path)],
) -> Path | None:
    """Ask for a name, add the ending of the chosen format, and ask before anything is replaced.

    Parameters
    ----------
    parent : QWidget
        Over which the dialog opens.
    title : str
        Of the dialog.
    proposed : str
        Name that is offered.
    writers : sequence of Writer
        The formats to choose from.
    targets : callable, optional
        What is written under a name with its ending; by default a file or folder of that name.

    Returns
    -------
    pathlib.Path or None
        The name with its ending; None where nothing is to be written.
    """
    folders = any(writer.folder_marks for writer in writers)
    is_target = partial(_is_export, writers) if folders else None
    name, chosen = choose_name(parent, title, proposed, save_filter(writers), is_target)
    if not name:
        return None
    writer, path = named_as_chosen(Path(name), chosen, writers)
    if writer.marks(path.parent):  # no export goes into another one of its kind
        path = writer.named(path.parent)
    # the dialog has asked about the file that was typed, and about nothing else
    there = [target for target in targets(writer, path) if target.exists()]
    others = [target for target in there if target != Path(name) or target.is_dir()]
    return path if not others or _may_replace(parent, others) else None


def ask_where_to_save(
    parent: Any,
    title: str,
    proposed: str,
    kind: Kind,
    members: Sequence[str] = (),
    *,
    complete: bool = True,
    own: Path | None = None,
    what_goes: Callable[[Sequence[Path]], str] = lambda _: "",
) -> Path | None:
    """Ask for the folder of a saved result, add its suffix, and ask before one is replaced.

    Parameters
    ----------
    parent : QWidget
        Over which the dialog opens.
    title : str
        Of the dialog.
    proposed : str
        Name that is offered.
    kind : Kind
        What is saved.
    members : sequence of str
        Of a result that consists of several: the folders in it that will be written.
    complete : bool
        Whether it is complete: an incomplete one replaces no complete one.
    own : pathlib.Path, optional
        Where it is saved already: nothing is asked there.
    what_goes : callable, optional
        Says of folders that would be saved over what of the panel is in no other; '' for nothing.

    Returns
    -------
    pathlib.Path or None
        The name that will be written; None where nothing is to be.
    """
    suffix = target_of("name", kind).suffix
    filters = f"{kind.capitalize()} (*{suffix})" if suffix else ""
    name, _ = choose_name(parent, title, proposed, filters, _is_result)
    if not name:
        return None
    try:
        target = not_inside_a_result(target_of(name, kind), kind)
    except InputError:  # saving says why it is no name
        return Path(name)
    may_save = target == own or _may_save(parent, target, members, complete, what_goes)
    return target if may_save else None


def not_inside_a_result(target: Path, kind: Kind) -> Path:
    """Return the saved result of this kind that a name lies in, else the name.

    So no result is saved in another one whose place it takes. A session's own recordings lie in
    it, and so do traces that were once saved one by one.
    """
    above = occupant_of(target.parent)
    one_by_one = kind is Kind.SESSION_TRACES and above.manifest is None
    may_be_meant = above.kind is kind and target_of(above.path, kind) == above.path
    if not may_be_meant or one_by_one or session_of(target) is not None:
        return target
    return above.path


def saved_words(written: Path, target: Path) -> str:
    """Say where a result was saved, and why it isn't where it was to be."""
    note = beside_note(written, target)
    return f"Saved {written}. {note}" if note else f"Saved {written}"


def named_as_chosen(path: Path, chosen: str, writers: Sequence[Writer]) -> tuple[Writer, Path]:
    """Return the format that a typed name or else the chosen filter says, and the whole name."""
    if (typed := by_ending(path, [writer for writer in writers if writer.suffix])) is not None:
        return typed, path
    filters = [_entry(writer.title, writer.suffixes) for writer in writers]
    writer = writers[filters.index(chosen) if chosen in filters else 0]
    return writer, writer.named(path)


def _is_result(folder: Path) -> bool:
    return occupant_of(folder).kind is not None


def _is_export(writers: Sequence[Writer], folder: Path) -> bool:
    return any(writer.marks(folder) for writer in writers)


def _may_save(
    parent: Any,
    target: Path,
    members: Sequence[str],
    complete: bool,
    what_goes: Callable[[Sequence[Path]], str],
) -> bool:
    """Ask before a result is saved under a name that is taken.

    Where there is something else than a result, saving says so.
    """
    folders = [target, *(target / member for member in members)]
    there = next(
        (each for each in map(occupant_of, folders) if each.kind is not None and not each.obstacle),
        None,
    )
    if there is None:
        return True
    if there.complete and not complete:
        question = (
            f"This result is incomplete; {there.path.name} is complete and stays. Save it as "
            f"{partial_name(target).name} beside it?"
        )
        return confirmed(parent, "Save beside?", question, yes="Save beside it", no="Don't save")
    goes = what_goes(folders)
    holds = f"{there.path} {there.whole_description}."
    return _says_replace(parent, " ".join(filter(None, (holds, goes, "Replace it?"))))


def _may_replace(parent: Any, paths: Sequence[Path]) -> bool:
    names = ", ".join(path.name for path in paths[:5]) + (", ..." if len(paths) > 5 else "")
    verb = "exist" if len(paths) > 1 else "exists"
    return _says_replace(parent, f"{names} in {paths[0].parent} {verb} already. Replace?")


def _says_replace(parent: Any, question: str) -> bool:
    return confirmed(parent, "Replace?", question, yes="Replace", no="Keep")


def _entry(title: str, endings: Iterable[str]) -> str:
    patterns = " ".join(f"*{ending}" for ending in endings)
    return f"{title} ({patterns})"
