"""What tells an alignment from another one, for the journal of a run that is given it."""

from __future__ import annotations

from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.transforms import SplineLink
from napari_zstack_align.saved import identity_of


def identity_of_alignment(alignment: Alignment) -> dict[str, Any]:
    """All of an alignment that touches what is made with it, as parts for `about_run`."""
    links = [
        link.coefficients if isinstance(link, SplineLink) else link.matrices
        for link in alignment.transforms.links
    ]
    left_out = {"artefacts": alignment.artefacts, "artefact_rows": alignment.artefact_rows}
    return {
        "stack": identity_of(alignment.stack),
        "links": links,
        "reference": alignment.reference,
        "mask": alignment.mask,
        "quality": alignment.quality,
        **{name: pixels for name, pixels in left_out.items() if pixels is not None},
    }
