"""The kinds of saved results, and the files of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

RUN, SESSION, PROJECT = "run.json", "session.json", "project.json"
OLD_TRACES = "traces.json"
"""Manifest of traces up to schema 1."""
RECORDING, Z_STACK = "recording", "z-stack"
"""What a result can be of."""


class Kind(StrEnum):
    """What a saved result is; the value stands in its manifest."""

    ALIGNMENT = "alignment"
    SESSION = "session"
    TRACES = "traces"
    SESSION_TRACES = "session traces"
    ZSHIFT = "z-shift"
    ROIS = "ROIs"
    PROJECT = "project"


@dataclass(frozen=True)
class Layout:
    """The files of one kind.

    Attributes
    ----------
    title : str
        What messages call it.
    files : mapping of str to str
        Name of the file of each role, without the generation; up to schema 1 they were called so.
    suffix : str
        Suffix of the folder or file; '' for none.
    manifest : str
        File that lists the others.
    old_manifest : str
        What the manifest was called up to schema 1.
    members : Kind, optional
        Of a result that consists of several: their kind.
    """

    title: str
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    suffix: str = ""
    manifest: str = RUN
    old_manifest: str = RUN
    members: Kind | None = None


def _files(*names: str) -> Mapping[str, str]:
    return MappingProxyType({name.partition(".")[0]: name for name in names})


LAYOUTS: Mapping[Kind, Layout] = MappingProxyType(
    {
        Kind.ALIGNMENT: Layout(
            "alignment",
            _files(
                "transforms.npz",
                "quality.csv",
                "chunks.csv",
                "frame_times.csv",
                "frame_digests.npy",
                "reference.tif",
                "mask.tif",
                "artefacts.tif",
                "artefact_rows.csv",
            ),
            suffix=".zalign",
        ),
        Kind.ZSHIFT: Layout(
            "z-shift",
            _files(
                "patch_z.npy",
                "raw_patch_z.npy",
                "patch_confidence.npy",
                "lateral.npy",
                "slice_gain.npy",
                "frame_digests.npy",
                "frames.csv",
                "transforms.npz",
                "reference.tif",
            ),
            suffix=".zalign",
        ),
        Kind.TRACES: Layout(
            "traces",
            _files(
                "F.npy",
                "Fneu.npy",
                "corrected.npy",
                "dff.npy",
                "motion_explained.npy",
                "saturated.npy",
                "unmeasured.npy",
                "rois.csv",
                "frames.csv",
                "stimuli.csv",
            ),
            old_manifest=OLD_TRACES,
        ),
        Kind.SESSION: Layout(
            "session", manifest=SESSION, old_manifest=SESSION, members=Kind.ALIGNMENT
        ),
        Kind.SESSION_TRACES: Layout("traces", manifest=SESSION, members=Kind.TRACES),
        Kind.ROIS: Layout("ROIs", suffix=".csv"),
        Kind.PROJECT: Layout("project", suffix=".zproject", manifest=PROJECT, old_manifest=PROJECT),
    }
)


def title_of(kind: Kind) -> str:
    """'an alignment', 'traces', ...: what a sentence calls a result of a kind."""
    title = LAYOUTS[kind].title
    if kind in (Kind.TRACES, Kind.SESSION_TRACES, Kind.ROIS):
        return title
    return f"an {title}" if title[0] in "aeiou" else f"a {title}"
