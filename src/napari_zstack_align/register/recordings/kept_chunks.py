"""Work on the chunks of a recording: found in the journal of the run, or done and kept there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.consensus import (
    Consensus,
    chunk_correlations,
    refine_chunk,
)
from napari_zstack_align.register.recordings.freedom import KINDS, Learned
from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.matching import Matcher, model_of
from napari_zstack_align.register.recordings.recovery import (
    match_chunk,
    rescue,
    seed_of,
    surroundings_of,
)
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.refine import Target
from napari_zstack_align.register.recordings.residual import Followed, FrameFollower
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.table import matched_row
from napari_zstack_align.saved import Arrays, Units, key_of, values_of

MATCH, RESCUE = "recording match 1", "recording rescue 2"
REFINE, COMPARE = "recording refine 3", "recording compare 1"
LEARN, FOLLOW = "recording learn 2", "recording follow 2"
"""The methods of the units: another number where a result may change."""
BOUNDS = ("max_shift_px", "max_rotation_deg", "max_scale_percent")
FOLLOWED_ARRAYS = ("extra", "before", "after", "residual_px", "mean_px", "max_px")
NOT_FOR_MATCHING = {
    "channel",
    "channel_weights",
    "chunk_frames",
    "n_chunks",
    "reference_recording",
    "reference_frames",
    "passes",
    "residual",
    "detect_steps",
    "outlier_mad",
}
"""Parameters that touch how images are made, or what is done with matches; all others touch how an
image is matched, those of other matchers too."""


def matching_key(matcher: Matcher) -> str:
    """Key of what every match to one reference depends on, a part of other keys."""
    params, reference = matcher.params, matcher.reference
    names = sorted(set(type(params).model_fields) - NOT_FOR_MATCHING)
    return key_of(
        f"{type(matcher).__module__}.{type(matcher).__qualname__}",
        params=values_of(params, *names),
        reference=(reference.image, reference.known, reference.mask),
    )


class KeptChunks:
    """Matches, refinements, correlations and single frames of the chunks of one recording.

    Parameters
    ----------
    state : RecordingState
    units : Units
        What is kept of this recording.
    """

    def __init__(self, state: RecordingState, units: Units) -> None:
        self._state, self._units = state, units

    def match(self, chunk: int, matcher: Matcher, matching: str) -> np.void | None:
        """Row of a chunk's match, `table.MATCHED`; None where it has no good frame."""
        state = self._state
        image = state.image(chunk)
        if image is None:
            return None
        seed = seed_of(state, chunk, matcher.params)
        key = key_of(MATCH, matching=matching, image=image, expected=state.expected, seed=seed)

        def made() -> Arrays:
            match = match_chunk(state, chunk, matcher)
            assert match is not None
            return {"row": matched_row(match, matcher.params.matcher, state.expected)}

        return self._kept("match", chunk, key, made)["row"][0]

    def rescue(self, chunk: int, matcher: Matcher, matching: str) -> np.void | None:
        """Row of a chunk's second chances; None where none of them worked."""
        around = surroundings_of(self._state, chunk, matcher.params)
        if around is None:
            return None
        parts = {field.name: getattr(around, field.name) for field in fields(around)}
        key = key_of(RESCUE, matching=matching, **parts)

        def made() -> Arrays:
            found = rescue(around, matcher)
            if found is None:
                return {}
            method, match = found
            return {"row": matched_row(match, method, self._state.expected)}

        kept = self._kept("rescue", chunk, key, made)
        return kept["row"][0] if "row" in kept else None

    def refine(
        self,
        chunk: int,
        consensus: Consensus,
        params: KeypointParams,
        shared: tuple[Reference, Target] | None,
        number: int,
    ) -> tuple[Matrix, float]:
        """See `consensus.refine_chunk`; ``number`` is that of the round, from 1."""
        near = number > 1
        key = key_of(
            REFINE,
            params=values_of(params.replace(transform=model_of(params)), "transform", *BOUNDS),
            consensus=consensus.key,
            is_shared=shared is not None,
            near=near,
            chunk=self._depends_on(chunk),
        )

        def made() -> Arrays:
            matrix, helps = refine_chunk(consensus, self._state, chunk, params, shared, near=near)
            return {"matrix": matrix, "affine_helps": np.array(helps)}

        kept = self._kept(f"refined{number}", chunk, key, made)
        return kept["matrix"], float(kept["affine_helps"])

    def compare(self, chunk: int, consensus: Consensus) -> tuple[float, float]:
        """See `consensus.chunk_correlations`."""
        key = key_of(COMPARE, consensus=consensus.key, chunk=self._depends_on(chunk))

        def made() -> Arrays:
            return {"values": np.array(chunk_correlations(consensus, self._state, chunk))}

        before, after = self._kept("compared", chunk, key, made)["values"].tolist()
        return before, after

    def follower(self, consensus: Consensus, params: KeypointParams, kind: str) -> FrameFollower:
        """Return who follows single frames, with what some of them show of the motion of all."""
        follower = FrameFollower(self._state, consensus, params, kind)
        frames = np.array(follower.learning_frames(), int)
        key = key_of(
            LEARN,
            consensus=consensus.key,
            kind=kind,
            jitter=self._state.trace.jitter(self._state.stretches),
            **follower.learning_depends_on(frames),
        )
        kept = self._units.get("learned", key, frames)
        if kept is None:
            found = follower.learn()
            gains = np.array([found.gains.get(kind, (np.nan, np.nan)) for kind in KINDS])
            number = ("trace", *KINDS).index(found.kind)
            numbers = np.array([number, found.n_frames, found.finest])
            arrays = {"numbers": numbers, "size": found.size, "gains": gains}
            self._units.put("learned", key, arrays, frames)
        else:
            pairs = zip(KINDS, kept["gains"].tolist(), strict=True)
            known = {kind: (gain, error) for kind, (gain, error) in pairs if not np.isnan(gain)}
            number, n_frames, finest = kept["numbers"].tolist()
            found = Learned(("trace", *KINDS)[number], kept["size"], known, n_frames, finest)
        follower.adopt(found)
        return follower

    def follow(self, frames: Range, follower: FrameFollower, consensus: Consensus) -> Followed:
        """See `FrameFollower.follow`."""
        chunk = follower.chunk_of(frames)
        key = key_of(
            FOLLOW,
            consensus=consensus.key,
            chunk=self._depends_on(chunk),
            **follower.depends_on(frames),
        )
        name, indices = f"followed-{frames[0]}-{frames[1]}", np.arange(*frames)
        kept = self._units.get(name, key, indices)
        if kept is not None:
            return Followed(*frames, *(kept[name] for name in FOLLOWED_ARRAYS))
        followed = follower.follow(frames)
        arrays = {name: getattr(followed, name) for name in FOLLOWED_ARRAYS}
        self._units.put(name, key, arrays, indices)
        return followed

    def _depends_on(self, chunk: int) -> dict[str, Any]:
        """What a comparison of a chunk with the others depends on beside the mean of all."""
        row = self._state.chunks[chunk]
        return {
            "image": self._state.image(chunk),
            "matrix": row["matrix"],
            "expected": self._state.expected,
            "in the mean": int(row["n_frames"]) if chunk in self._state.good else 0,
        }

    def _kept(self, what: str, chunk: int, key: str, made: Callable[[], Arrays]) -> Arrays:
        row = self._state.chunks[chunk]
        name = f"{what}-{row['start']}-{row['stop']}-{row['n_frames']}"
        kept = self._units.get(name, key)
        if kept is None:
            kept = made()
            self._units.put(name, key, kept)
        return kept
