"""The matcher by keypoints: SIFT or ORB in the mask, and a transform that most of them agree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.geometry import Matrix, Points, apply, inverse
from napari_zstack_align.register.recordings.keypoints import Keypoints, find_keypoints, match
from napari_zstack_align.register.recordings.matching import Match, Matcher, Seed, model_of
from napari_zstack_align.register.recordings.photometry import shared_levels
from napari_zstack_align.register.recordings.ransac import ransac
from napari_zstack_align.register.recordings.reference import Reference

Image = npt.NDArray[np.float32]

LOWER_CONTRAST = 0.4
"""Factor on the detector's threshold in the second attempt."""
MORE_MATCHES = (
    "take longer chunks (noise) or shorter ones (fast motion), raise match_ratio, or choose "
    "another reference"
)


class KeypointMatcher(Matcher):
    """Matches keypoints in the mask and fits a transform to them by RANSAC.

    Parameters
    ----------
    reference : Reference
    params : KeypointParams
        Detector, matching and RANSAC.
    """

    advice: ClassVar[Mapping[Flag, str]] = {
        **Matcher.advice,
        Flag.TOO_FEW_KEYPOINTS: "lower c_dog, paint a larger mask, or take longer chunks",
        Flag.TOO_FEW_MATCHES: MORE_MATCHES,
        Flag.TOO_FEW_INLIERS: MORE_MATCHES,
    }
    remedy: ClassVar[str] = (
        "Check channel and mask, take longer chunks (noise) or shorter ones (fast motion), or "
        "lower c_dog."
    )

    def __init__(self, reference: Reference, params: KeypointParams) -> None:
        super().__init__(reference, params)
        self._keypoints = find_keypoints(reference.image, params)

    @property
    def points(self) -> Points:
        """(N, 2) keypoints of the reference."""
        return self._keypoints.points

    def match(self, image: Image, prior: Matrix, seed: Seed) -> Match:
        """See `Matcher.match`."""
        return self._match(self._keypoints, find_keypoints(image, self.params), prior, seed)

    def retries(self, image: Image, prior: Matrix, seed: Seed) -> Iterator[tuple[str, Match]]:
        """Take fainter keypoints of the chunk, too; then those of both between shared levels."""
        fainter = find_keypoints(image, self.params, LOWER_CONTRAST)
        yield "lower threshold", self._match(self._keypoints, fainter, prior, seed)
        reference, params = self.reference, self.params
        levels = shared_levels(reference.image[reference.known], image, params)
        if levels is not None:
            own, found = (
                find_keypoints(each, params.replace(intensity_range=between))
                for each, between in zip((reference.image, image), levels, strict=True)
            )
            yield "shared levels", self._match(own, found, prior, seed)

    def _match(self, own: Keypoints, found: Keypoints, prior: Matrix, seed: Seed) -> Match:
        """Match keypoints of the reference and of a chunk."""
        reference, params = self.reference, self.params
        # Where the chunk lies isn't known yet: its keypoints count as far as it may have moved.
        near = reference.in_mask(apply(inverse(prior), found.points), params.max_shift_px)
        in_mask = reference.in_mask(own.points)
        i, j = match(own, found, params.match_ratio)
        keep = near[j] & in_mask[i]
        source, target = own.points[i[keep]], found.points[j[keep]]
        none = np.zeros(len(source), bool)
        seen = Match(None, None, found.points, near, source, target, none)
        if fault := self._too_few(int(in_mask.sum()), int(near.sum()), len(source)):
            return seen.because(fault)
        fitted = ransac(
            source,
            target,
            model_of(params),
            threshold_px=params.residual_threshold_px,
            max_trials=params.max_trials,
            seed=seed,
            min_samples=params.min_samples,
        )
        if fitted is None:
            text = f"too few matches: {len(source)} for a hypothesis of RANSAC"
            return seen.because(Fault(Flag.TOO_FEW_MATCHES, text))
        # Now that the transform is known, the raw ends are tested in the mask moved by it.
        strict = reference.in_mask(apply(inverse(fitted.matrix), target))
        inliers = fitted.inliers & strict
        if inliers.sum() < params.min_matches:
            text = f"too few inliers: {inliers.sum()} of {len(source)} matches"
            return seen.because(Fault(Flag.TOO_FEW_INLIERS, text))
        return replace(seen, matrix=fitted.matrix, inliers=inliers, residual_px=fitted.residual_px)

    def _too_few(self, in_reference: int, in_chunk: int, n_matches: int) -> Fault | None:
        """What is the matter where too little is there to fit a transform to; else None."""
        least = self.params.min_matches
        masked = self.reference.mask is not None
        mask_of, in_mask = ("the mask of ", " in the mask") if masked else ("", "")
        for number, where in ((in_reference, "the reference"), (in_chunk, "the chunk")):
            if number < least:
                text = f"too few keypoints: {number} in {mask_of}{where}"
                return Fault(Flag.TOO_FEW_KEYPOINTS, text)
        if n_matches < least:
            return Fault(Flag.TOO_FEW_MATCHES, f"too few matches: {n_matches}{in_mask}")
        return None
