"""How long a person waits for a job to stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenes import PARAMS, session_stacks

import napari_zstack_align as nza
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.recordings import session

from .test_session import Slow

pytestmark = pytest.mark.timing


def test_a_job_closes_within_a_second(scene, monkeypatch, median_of, seconds):
    monkeypatch.setattr(session, "SNAPSHOT_S", 0.0)
    monkeypatch.setattr(session, "SNAPSHOT_SHARE", 0.0)
    stacks = [replace(s, source=Slow(s, 0.005)) for s in session_stacks(scene)]

    def wait():
        job = nza.register_recordings(stacks, PARAMS, reference=scene.counts)
        for progress in job:
            if progress.partial and (progress.partial[1].quality["flag"] != Flag.NOT_RUN).any():
                break
        return seconds(job.close)

    assert median_of(wait) < 1


def test_a_job_on_a_slow_source_closes_within_a_second(scene, median_of, seconds):
    stacks = [replace(s, source=Slow(s, 0.25)) for s in session_stacks(scene)]

    def wait():
        job = nza.register_recordings(stacks, PARAMS, reference=scene.counts, threads=2)
        for _, progress in zip(range(8), job, strict=False):
            assert progress.stage
        return seconds(job.close)

    assert median_of(wait) < 1
