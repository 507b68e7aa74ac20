"""Align 2-photon z-stacks and recordings.

The flow is one way: read a `Stack`, register it to an `Alignment` (a small table of transforms,
never a second copy of the movie), then view, average and write what the alignment describes.

What stands in ``__all__`` is the public surface. Each name is imported when it is first asked
for, so that importing the package costs nothing (a command's ``--help``, napari's start).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_zstack_align._version import __version__

if TYPE_CHECKING:  # for type checkers and editors; the same names as in _MODULES below
    from napari_zstack_align.alignment.alignment import Alignment
    from napari_zstack_align.alignment.apply import apply_transforms
    from napari_zstack_align.alignment.carry_mask import CarriedMask, carry_mask
    from napari_zstack_align.alignment.session import load_saved as load_alignment
    from napari_zstack_align.alignment.session import save_session
    from napari_zstack_align.alignment.transforms import Transforms
    from napari_zstack_align.cells import (
        Rois,
        detect_blobs,
        detect_cells,
        load_rois,
        session_image,
        source_image,
        transform_rois,
        valid_in,
    )
    from napari_zstack_align.cells.carry import CarriedRois, carry_rois
    from napari_zstack_align.cells.traces import (
        DarkLevel,
        Traces,
        dark_level,
        dark_levels,
        extract_session_traces,
        extract_traces,
        load_traces,
        measured_dark_level,
        read_stimuli,
        save_session_traces,
        with_stimuli,
    )
    from napari_zstack_align.errors import (
        AlignmentError,
        Cancelled,
        InputError,
        ResultWarning,
        ZstackAlignError,
    )
    from napari_zstack_align.flags import Flag
    from napari_zstack_align.loading import load
    from napari_zstack_align.microscope import (
        LinePhase,
        PixelsReport,
        check_pixels,
        estimate_line_phase,
    )
    from napari_zstack_align.params import (
        AdaptiveParams,
        BlobParams,
        FilmParams,
        KeypointParams,
        NwbParams,
        TraceParams,
        ZShiftParams,
    )
    from napari_zstack_align.progress import Progress, run
    from napari_zstack_align.project import NamedMask, NamedRun, Project, ProjectFolder
    from napari_zstack_align.read import (
        LayoutReport,
        check_layout,
        describe,
        open_stack,
        propose_frames_per_slice,
    )
    from napari_zstack_align.register.adaptive import align_adaptive
    from napari_zstack_align.register.recordings import register_recordings
    from napari_zstack_align.register.tried_alphas import TriedAlphas, try_alphas
    from napari_zstack_align.remark import Remark
    from napari_zstack_align.stack import Stack
    from napari_zstack_align.write.cells.export import export_rois, export_traces
    from napari_zstack_align.write.cells.field import FieldOfView
    from napari_zstack_align.write.export import export_alignment, export_session
    from napari_zstack_align.write.film.film import write_film
    from napari_zstack_align.write.report.report import write_report
    from napari_zstack_align.write.transforms import read_transforms, write_transforms
    from napari_zstack_align.zshift import ZShift, estimate_zshift, load_zshift
    from napari_zstack_align.zshift.export import export_movie

__all__ = [
    "AdaptiveParams",
    "Alignment",
    "AlignmentError",
    "BlobParams",
    "Cancelled",
    "CarriedMask",
    "CarriedRois",
    "DarkLevel",
    "FieldOfView",
    "FilmParams",
    "Flag",
    "InputError",
    "KeypointParams",
    "LayoutReport",
    "LinePhase",
    "NamedMask",
    "NamedRun",
    "NwbParams",
    "PixelsReport",
    "Progress",
    "Project",
    "ProjectFolder",
    "Remark",
    "ResultWarning",
    "Rois",
    "Stack",
    "TraceParams",
    "Traces",
    "Transforms",
    "TriedAlphas",
    "ZShift",
    "ZShiftParams",
    "ZstackAlignError",
    "__version__",
    "align_adaptive",
    "apply_transforms",
    "carry_mask",
    "carry_rois",
    "check_layout",
    "check_pixels",
    "dark_level",
    "dark_levels",
    "describe",
    "detect_blobs",
    "detect_cells",
    "estimate_line_phase",
    "estimate_zshift",
    "export_alignment",
    "export_movie",
    "export_rois",
    "export_session",
    "export_traces",
    "extract_session_traces",
    "extract_traces",
    "load",
    "load_alignment",
    "load_rois",
    "load_traces",
    "load_zshift",
    "measured_dark_level",
    "open_stack",
    "propose_frames_per_slice",
    "read_stimuli",
    "read_transforms",
    "register_recordings",
    "run",
    "save_session",
    "save_session_traces",
    "session_image",
    "source_image",
    "transform_rois",
    "try_alphas",
    "valid_in",
    "with_stimuli",
    "write_film",
    "write_report",
    "write_transforms",
]

_MODULES = {
    "AdaptiveParams": "params",
    "Alignment": "alignment.alignment",
    "AlignmentError": "errors",
    "BlobParams": "params",
    "Cancelled": "errors",
    "CarriedMask": "alignment.carry_mask",
    "CarriedRois": "cells.carry",
    "DarkLevel": "cells.traces",
    "FieldOfView": "write.cells.field",
    "FilmParams": "params",
    "Flag": "flags",
    "InputError": "errors",
    "KeypointParams": "params",
    "LayoutReport": "read",
    "LinePhase": "microscope",
    "NamedMask": "project",
    "NamedRun": "project",
    "NwbParams": "params",
    "PixelsReport": "microscope",
    "Progress": "progress",
    "Project": "project",
    "ProjectFolder": "project",
    "Remark": "remark",
    "ResultWarning": "errors",
    "Rois": "cells",
    "Stack": "stack",
    "TraceParams": "params",
    "Traces": "cells.traces",
    "Transforms": "alignment.transforms",
    "TriedAlphas": "register.tried_alphas",
    "ZShift": "zshift",
    "ZShiftParams": "params",
    "ZstackAlignError": "errors",
    "align_adaptive": "register.adaptive",
    "apply_transforms": "alignment.apply",
    "carry_mask": "alignment.carry_mask",
    "carry_rois": "cells.carry",
    "check_layout": "read",
    "check_pixels": "microscope",
    "dark_level": "cells.traces",
    "dark_levels": "cells.traces",
    "describe": "read",
    "detect_blobs": "cells",
    "detect_cells": "cells",
    "estimate_line_phase": "microscope",
    "estimate_zshift": "zshift",
    "export_alignment": "write.export",
    "export_movie": "zshift.export",
    "export_rois": "write.cells.export",
    "export_session": "write.export",
    "export_traces": "write.cells.export",
    "extract_session_traces": "cells.traces",
    "extract_traces": "cells.traces",
    "load": "loading",
    "load_alignment": "alignment.session:load_saved",
    "load_rois": "cells",
    "load_traces": "cells.traces",
    "load_zshift": "zshift",
    "measured_dark_level": "cells.traces",
    "open_stack": "read",
    "propose_frames_per_slice": "read",
    "read_stimuli": "cells.traces",
    "read_transforms": "write.transforms",
    "register_recordings": "register.recordings",
    "run": "progress",
    "save_session": "alignment.session",
    "save_session_traces": "cells.traces",
    "session_image": "cells",
    "source_image": "cells",
    "transform_rois": "cells",
    "try_alphas": "register.tried_alphas",
    "valid_in": "cells",
    "with_stimuli": "cells.traces",
    "write_film": "write.film.film",
    "write_report": "write.report.report",
    "write_transforms": "write.transforms",
}
"""Where each public name is defined; 'module:name' where it has another name there."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, name_there = _MODULES[name].partition(":")
    value = getattr(import_module(f"{__name__}.{module}"), name_there or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is public."""
    return sorted({*globals(), *__all__})
