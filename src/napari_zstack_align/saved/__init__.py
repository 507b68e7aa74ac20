"""The one way to save a result: names, lock, generations of files, manifest, checks, cleaning.

A saved result is a folder. Each save writes files of a new generation (``quality-3f2a9c1b.csv``),
and then replaces the manifest (``run.json``), which lists them, in one step: whatever stops the
program, the folder holds the old result or the new one. The next save removes what was left.

A long run keeps its finished units in a journal beside the result until that is saved.
"""

from napari_zstack_align.saved.copies import prefixes_of
from napari_zstack_align.saved.disk import Content, sentences_for
from napari_zstack_align.saved.facts import Part, Subject
from napari_zstack_align.saved.generation import Result
from napari_zstack_align.saved.group import Group, finish_save, save_group
from napari_zstack_align.saved.inside import check_outside_results
from napari_zstack_align.saved.journal import (
    Journal,
    JournalPlace,
    NoJournal,
    UnitStore,
    about_run,
    discard_journal,
    journal_folder,
    opened_journal,
)
from napari_zstack_align.saved.keys import identity_of, key_of, layout_of, values_of
from napari_zstack_align.saved.kinds import RECORDING, Z_STACK, Kind, title_of
from napari_zstack_align.saved.lock import lock_beside, locked_by
from napari_zstack_align.saved.names import target_of
from napari_zstack_align.saved.numpy_files import read_npy, read_npz, shape_of_npy
from napari_zstack_align.saved.occupant import (
    Occupant,
    are_saved_traces,
    kind_of,
    manifest_path,
    occupant_of,
    session_of,
)
from napari_zstack_align.saved.provenance import now, provenance
from napari_zstack_align.saved.reading import Reading, UnfitContent, read_group, read_result
from napari_zstack_align.saved.room import check_room
from napari_zstack_align.saved.save import save
from napari_zstack_align.saved.single_file import ROI_TABLE, Table, check_table, save_table
from napari_zstack_align.saved.target import beside_note, check_target, partial_name
from napari_zstack_align.saved.tiff_files import read_tiff
from napari_zstack_align.saved.unit_file import Arrays
from napari_zstack_align.saved.units import Units
from napari_zstack_align.saved.watched import FrameDigests, WatchedFrames

__all__ = [
    "RECORDING",
    "ROI_TABLE",
    "Z_STACK",
    "Arrays",
    "Content",
    "FrameDigests",
    "Group",
    "Journal",
    "JournalPlace",
    "Kind",
    "NoJournal",
    "Occupant",
    "Part",
    "Reading",
    "Result",
    "Subject",
    "Table",
    "UnfitContent",
    "UnitStore",
    "Units",
    "WatchedFrames",
    "about_run",
    "are_saved_traces",
    "beside_note",
    "check_outside_results",
    "check_room",
    "check_table",
    "check_target",
    "discard_journal",
    "finish_save",
    "identity_of",
    "journal_folder",
    "key_of",
    "kind_of",
    "layout_of",
    "lock_beside",
    "locked_by",
    "manifest_path",
    "now",
    "occupant_of",
    "opened_journal",
    "partial_name",
    "prefixes_of",
    "provenance",
    "read_group",
    "read_npy",
    "read_npz",
    "read_result",
    "read_tiff",
    "save",
    "save_group",
    "save_table",
    "sentences_for",
    "session_of",
    "shape_of_npy",
    "target_of",
    "title_of",
    "values_of",
]
