"""A digest of all that the pixels of an export follow from, to tell whether it may go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_zstack_align._version import __version__
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.transforms import SplineLink


def made_of(alignment: Alignment, what: str) -> str:
    """Return the digest of an alignment, its raw frames, and what is written of them."""
    digest = hashlib.sha256()
    for part in _parts(alignment, what):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _parts(alignment: Alignment, what: str) -> Iterator[bytes]:
    stack = alignment.stack
    yield _text(__version__, what, fingerprint(stack), alignment.provenance)
    yield _text(stack.shape, stack.dtype.str, stack.frames_per_slice, stack.order)
    for path in stack.paths:
        known = path.stat() if path.is_file() else None
        yield _text(str(path), known and (known.st_size, known.st_mtime_ns))
    for link in alignment.transforms.links:
        values = link.coefficients if isinstance(link, SplineLink) else link.matrices
        yield _text(link.kind, values.shape, values.dtype.str)
        yield np.ascontiguousarray(values).tobytes()
    yield alignment.quality["used"].tobytes()
    if alignment.artefact_rows is not None:
        yield alignment.artefact_rows.tobytes()
    yield np.ascontiguousarray(alignment.reference).tobytes()


def _text(*facts: Any) -> bytes:
    return json.dumps(facts, sort_keys=True, default=str).encode()
