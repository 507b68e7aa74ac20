"""Masks of a project are Labels layers: taken from the viewer, and added to it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_zstack_align.gui.cells.cell_mask import cell_mask_layers
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.masks import (
    CELLS,
    FAMILY,
    MADE_ON,
    ORIGIN,
    OVER,
    ROLE,
    mask_layers,
)
from napari_zstack_align.gui.project.snapshot import free_name, with_view
from napari_zstack_align.gui.recordings.painted_over import PaintedOver
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.project import NamedMask, Project

PLACE = ("scale", "translate", "units", "axis_labels")
OPACITY = 0.4

Combos = dict[str, list[LayerCombo]]
"""Choices of layers by the title of their tab."""


def masks_in(viewer: Any) -> list[Labels]:
    """Layers that are offered as masks, for the registration or for cells."""
    found = [*mask_layers(viewer.layers), *cell_mask_layers(viewer.layers)]
    return [layer for layer in viewer.layers if layer in found]


def with_masks(
    project: Project, viewer: Any, combos: Combos, kept: Iterable[Labels] = ()
) -> Project:
    """Add the masks in a viewer, where they lie, and which tabs have chosen them.

    Those that are ``kept`` were removed from it.
    """
    return with_mask_layers(project, viewer, combos, [*masks_in(viewer), *kept])


def with_mask_layers(
    project: Project, viewer: Any, combos: Combos, layers: Iterable[Labels]
) -> Project:
    """Add some of the masks in a viewer."""
    layers_there = list(viewer.layers)
    masks: list[NamedMask] = []
    facts: dict[str, dict[str, Any]] = {}
    for layer in layers:
        name = free_name(layer.name, "before", facts)
        owner = layer.metadata.get(KEY)
        key, belongs_to = None, ""
        if isinstance(owner, StackLayers):
            key = project.home.known_key(owner.stack)  # also of a stack that was removed
            belongs_to = "" if key is None else owner.stack.name
        masks.append(
            NamedMask(name, np.asarray(layer.data), belongs_to, layer.metadata.get(MADE_ON))
        )
        facts[name] = {
            "stack": key,
            "index": layers_there.index(layer) if layer in layers_there else len(layers_there),
            "family": layer.metadata.get(FAMILY),
            "cells": layer.metadata.get(ROLE) == CELLS,
            "chosen": [
                tab for tab, each in combos.items() if any(combo.layer is layer for combo in each)
            ],
            "visible": bool(layer.visible),
            "opacity": float(layer.opacity),
            "scale": [float(each) for each in layer.scale],
            "translate": [float(each) for each in layer.translate],
            "units": [str(each) for each in layer.units],
            "axis_labels": list(layer.axis_labels),
        }
        if ORIGIN in layer.metadata:
            facts[name]["painted_at"] = list(layer.metadata[ORIGIN])
        if isinstance(over := layer.metadata.get(OVER), PaintedOver):
            facts[name]["over"] = over.facts(project.home)
    return with_view(project.replace(masks=tuple(masks)), masks=facts)


def add_masks(
    project: Project,
    viewer: Any,
    stacks: Sequence[StackLayers],
    recordings: Sequence[Recording],
    combos: Combos,
) -> Iterator[None]:
    """Add the masks of a project one by one, and choose them in the tabs that had chosen them.

    Each is tied again to the stack, or the recording, that it was painted over.
    """
    for mask in project.masks:
        facts = project.view.get("masks", {}).get(mask.name, {})
        keys = [project.home.known_key(each.stack) for each in stacks]
        layer = _layer(mask, facts, dict(zip(keys, stacks, strict=True)))
        if over := facts.get("over"):
            layer.metadata[OVER] = PaintedOver.from_facts(over, project.home, recordings)
        last = len(viewer.layers)  # some of those below may not be there
        viewer.layers.insert(min(facts.get("index", last), last), layer)
        for tab in facts.get("chosen", ()):
            for combo in combos.get(tab, ()):
                combo.choose_offered(layer)
        yield


def _layer(
    mask: NamedMask, facts: dict[str, Any], stacks: Mapping[str | None, StackLayers]
) -> Labels:
    metadata: dict[str, Any] = {} if mask.made_on is None else {MADE_ON: mask.made_on}
    if facts.get("family"):
        metadata[FAMILY] = facts["family"]
    if facts.get("cells"):
        metadata[ROLE] = CELLS
    if "painted_at" in facts:
        metadata[ORIGIN] = tuple(facts["painted_at"])
    key = facts.get("stack")
    owner = None if key is None else stacks.get(key)
    if owner is not None:
        metadata[KEY] = owner
    place = {name: facts[name] for name in PLACE if name in facts}
    if not place and owner is not None:
        place = owner.geometry(2)
    labels = np.array(mask.labels)
    return Labels(
        labels if labels.dtype.kind in "iu" else labels.astype(np.uint8),
        name=mask.name,
        opacity=facts.get("opacity", OPACITY),
        visible=facts.get("visible", True),
        metadata=metadata,
        **place,
    )
