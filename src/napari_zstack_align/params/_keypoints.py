"""Parameters of the registration of recordings by keypoints."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from napari_zstack_align.params._base import LARGEST_COUNT, ChannelParams, FrameIndex, unit

SHORTEST_CHUNK = 5
"""Frames of the shortest chunk: keypoints don't recognise the mean of fewer."""
Percentile: TypeAlias = Annotated[float, Field(ge=0, le=100)]


class KeypointParams(ChannelParams):
    """How recordings are registered by the keypoints of chunks of frames."""

    matcher: ClassVar[str] = "keypoints"
    """Name of the way to match chunks that these parameters belong to."""

    # -- chunks --------------------------------------------------------------------------------
    chunk_frames: int | None = Field(
        None,
        ge=SHORTEST_CHUNK,
        le=1_000_000,
        description=(
            "Frames averaged into one chunk; the last chunk takes the rest. None: 10 s, or a fifth "
            "of a shorter recording, and at least 20 frames (no frame rate known: 20 to 50 frames, "
            "some 20 chunks). Longer chunks show more keypoints, shorter ones follow faster motion."
        ),
        json_schema_extra=unit("frames"),
    )
    n_chunks: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description=(
            "Number of chunks a recording is split into, instead of 'chunk_frames'; None: as "
            "'chunk_frames' says."
        ),
    )
    # -- photometry ----------------------------------------------------------------------------
    intensity_percentiles: tuple[Percentile, Percentile] = Field(
        (0.5, 99.8),
        description=(
            "Percentiles of a chunk's mean image that become black and white before keypoints are "
            "looked for."
        ),
        json_schema_extra=unit("%"),
    )
    intensity_range: tuple[float, float] | None = Field(
        None,
        description=(
            "Intensities that become black and white instead of the percentiles, for detectors "
            "with an offset, such as 54600 55000; None: by percentiles."
        ),
        json_schema_extra=unit("counts"),
    )
    # -- transform -----------------------------------------------------------------------------
    transform: Literal["auto", "translation", "rigid", "similarity", "affine"] = Field(
        "auto",
        description=(
            "What a chunk may do: 'translation', 'rigid' (+ rotation), 'similarity' (+ scale) or "
            "'affine' (+ shear). 'auto': a similarity, or affine where that predicts held-out "
            "parts of the images better. More freedom than the images carry only adds noise."
        ),
    )
    max_shift_px: float = Field(
        40.0,
        ge=0.0,
        le=2000.0,
        description="Largest shift of a chunk against the reference that is believed, in pixels.",
        json_schema_extra=unit("px"),
    )
    max_rotation_deg: float = Field(
        15.0,
        ge=0.0,
        le=180.0,
        description="Largest rotation of a chunk against the reference that is believed.",
        json_schema_extra=unit("°"),
    )
    max_scale_percent: float = Field(
        10.0,
        ge=0.0,
        le=50.0,
        description="Largest change of scale, or shear, of a chunk that is believed.",
        json_schema_extra=unit("%"),
    )
    # -- reference -----------------------------------------------------------------------------
    reference_recording: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="Recording that the first reference is taken from, counted from 0; None: one "
        "that is still and sharp, with a mask the middle one.",
    )
    reference_frames: tuple[FrameIndex, FrameIndex] | None = Field(
        None,
        description=(
            "First frame and end (exclusive) of the first reference, in that recording; None: its "
            "middle chunk."
        ),
        json_schema_extra=unit("frames"),
    )
    passes: Literal[1, 2] = Field(
        2,
        description=(
            "2: after the keypoints, chunks are registered once more, to the mean of all aligned "
            "chunks, by all their pixels; 1: by keypoints only."
        ),
    )
    # -- single frames -------------------------------------------------------------------------
    residual: Literal["auto", "none", "translation", "rigid", "affine", "spline"] = Field(
        "auto",
        description=(
            "Motion of single frames within a chunk: 'none'; 'translation' for jitter; 'rigid', a "
            "turn besides; 'affine'; 'spline', a smooth field for every frame (no matrix then); "
            "'auto': what predicts held-out parts of some frames best. It may read every frame "
            "twice."
        ),
    )
    detect_steps: bool = Field(
        True,
        description="Look for sudden jumps: a jump ends a chunk, and nothing is interpolated "
        "across it.",
    )
    outlier_mad: float = Field(
        6.0,
        ge=0.0,
        le=1000.0,
        description=(
            "Frames whose mean intensity lies this many median absolute deviations off their "
            "neighbourhood (stimulus light, closed shutter) stay out of means and fits; 0: none."
        ),
        json_schema_extra=unit("MAD"),
    )
    # -- keypoints -----------------------------------------------------------------------------
    detector: Literal["sift", "orb"] = Field(
        "sift",
        description="What finds and describes keypoints: SIFT, or the faster and coarser ORB.",
    )
    blur_px: float = Field(
        1.0,
        ge=0.0,
        le=10.0,
        description="Gaussian blur (σ) of a chunk's mean before keypoints are looked for.",
        json_schema_extra=unit("px"),
    )
    max_keypoints: int = Field(
        2000,
        ge=50,
        le=50_000,
        description="Most keypoints kept in an image: the strongest.",
    )
    n_octaves: int = Field(
        2, ge=1, le=8, description="SIFT: number of octaves, each at half the size of the last."
    )
    n_scales: int = Field(5, ge=1, le=10, description="SIFT: scales in each octave.")
    sigma_min: float = Field(
        1.0,
        ge=0.3,
        le=10.0,
        description="SIFT: blur of the first scale of the first octave.",
        json_schema_extra=unit("px"),
    )
    sigma_in: float = Field(
        0.1,
        ge=0.0,
        le=5.0,
        description="SIFT: blur that the image is taken to have already.",
        json_schema_extra=unit("px"),
    )
    c_edge: float = Field(
        5.0,
        ge=1.0,
        le=100.0,
        description="SIFT: keypoints on edges are dropped where the ratio of the curvatures is "
        "larger.",
    )
    c_dog: float = Field(
        0.005,
        ge=0.0,
        le=0.5,
        description="SIFT: least contrast of a keypoint, for an image between 0 and 1 and three "
        "scales in an octave.",
    )
    upsampling: Literal[1, 2] = Field(
        1, description="SIFT: 2 doubles the image first, for more and finer keypoints."
    )
    # -- matches -------------------------------------------------------------------------------
    match_ratio: float = Field(
        0.6,
        gt=0.0,
        le=1.0,
        description="A match counts when its descriptor distance is below this part of the second "
        "best one's; 1 keeps all.",
    )
    min_matches: int = Field(
        8, ge=1, le=1000, description="A chunk with fewer matches (or inliers) in the mask fails."
    )
    # -- RANSAC --------------------------------------------------------------------------------
    min_samples: int | None = Field(
        None,
        ge=1,
        le=100,
        description="RANSAC: matches drawn for a hypothesis; None: as few as the transform needs.",
    )
    residual_threshold_px: float = Field(
        1.0,
        gt=0.0,
        le=50.0,
        description="RANSAC: a match is an inlier when it lies this close to the transform.",
        json_schema_extra=unit("px"),
    )
    max_trials: int = Field(
        1000, ge=1, le=100_000, description="RANSAC: number of hypotheses tried."
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="RANSAC: the same seed gives the same result."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.intensity_percentiles[0] < self.intensity_percentiles[1]:
            raise ValueError("intensity_percentiles must rise: black first, then white")
        if self.intensity_range is not None and not (
            self.intensity_range[0] < self.intensity_range[1]
        ):
            raise ValueError("intensity_range must rise: black first, then white")
        if self.intensity_range is not None and not (
            max(map(abs, self.intensity_range)) <= LARGEST_COUNT
            and self.intensity_range[1] - self.intensity_range[0] >= 1 / LARGEST_COUNT
        ):
            raise ValueError(
                f"intensity_range must lie between -{LARGEST_COUNT:g} and {LARGEST_COUNT:g}, and "
                f"span at least {1 / LARGEST_COUNT:g}"
            )
        if self.reference_frames is not None and not (
            self.reference_frames[0] < self.reference_frames[1]
        ):
            raise ValueError(
                "reference_frames must be a first frame and a larger end, counted from 0"
            )
        if self.chunk_frames is not None and self.n_chunks is not None:
            raise ValueError("give chunk_frames or n_chunks, not both")
        return self
