"""What the tests of recordings share: a scene, and a few registrations that many look at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helper module scenes

from scenes import PARAMS, Scene, drift, session_stacks

import napari_zstack_align as nza


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Tissue of 128 × 144 pixels."""
    return Scene()


@pytest.fixture(scope="session")
def registered(scene: Scene) -> nza.Alignment:
    """A noisy recording of 60 frames with drift, registered to the clean image."""
    stack = scene.recording(drift(60))
    return nza.run(nza.register_recordings([stack], PARAMS, reference=scene.counts))[0]


@pytest.fixture(scope="session")
def session(scene: Scene) -> list[nza.Alignment]:
    """Three recordings that lie apart, registered to each other."""
    return nza.run(nza.register_recordings(session_stacks(scene), PARAMS))
