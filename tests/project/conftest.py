"""Makes the helpers of the saved results importable, and lets tests run without the disk."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "saved"))


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that it wrote: only a power cut does."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
