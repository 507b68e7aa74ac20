"""Keypoints of an image and their matches in another.

SIFT (Lowe 2004, IJCV) and ORB (Rublee et al. 2011, ICCV) as OpenCV has them. The parameters bear
the names and the meaning of scikit-image's SIFT, which the published recipe uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.geometry import Points
from napari_zstack_align.register.recordings.photometry import Image, prepared

ORB_FAST_THRESHOLD = 5
"""Least step of brightness of ORB's corners, of 255: tissue has few hard edges."""
AT_ONCE = 256
"""Keypoints compared with all others at once: the distances of all of them are large."""


@dataclass(frozen=True)
class Keypoints:
    """Where an image can be recognised.

    Attributes
    ----------
    points : numpy.ndarray
        (N, 2) float64 positions (y, x).
    descriptors : numpy.ndarray
        (N, 128) float32 (SIFT) or (N, 32) uint8 (ORB).
    """

    points: Points
    descriptors: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.points)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Keypoints:
        """Only the chosen ones."""
        return Keypoints(self.points[chosen], self.descriptors[chosen])


def find_keypoints(image: Image, params: KeypointParams, contrast: float = 1.0) -> Keypoints:
    """Detect and describe keypoints.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32, any range; NaN counts as black.
    params : KeypointParams
        Detector and its settings.
    contrast : float
        Factor on the least contrast of a keypoint; lower finds more.

    Returns
    -------
    Keypoints
        The ``max_keypoints`` strongest.
    """
    image8 = prepared(image, params)
    detector = _sift(params, contrast) if params.detector == "sift" else _orb(params, contrast)
    found = detector.detect(image8, None)
    if params.detector == "sift":
        first = 0 if params.upsampling == 1 else -1
        found = [k for k in found if first <= _octave(k) < first + params.n_octaves]
    # The order is OpenCV's; the position breaks ties, so that a result doesn't hang on it.
    found = sorted(found, key=lambda k: (-k.response, k.pt[1], k.pt[0], k.angle))
    found, descriptors = detector.compute(image8, found[: params.max_keypoints])
    points = np.array([(k.pt[1], k.pt[0]) for k in found], np.float64).reshape(-1, 2)
    if descriptors is None:
        descriptors = np.zeros((0, 1), np.float32)
    return Keypoints(points, descriptors)


def match(
    first: Keypoints, second: Keypoints, ratio: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of keypoints that are each other's nearest and clearly nearer than the next.

    Parameters
    ----------
    first, second : Keypoints
        Of two images.
    ratio : float
        Largest distance of the nearest against that of the second nearest (in ``second``).

    Returns
    -------
    i, j : numpy.ndarray
        (K,) indices into first and second.
    """
    none = np.zeros(0, np.intp)
    if not len(first) or not len(second):
        return none, none
    nearest, kept = np.zeros(len(first), np.intp), np.ones(len(first), bool)
    nearest_back, least = np.zeros(len(second), np.intp), np.full(len(second), np.inf, np.float32)
    for start in range(0, len(first), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        squares = _squared_distances(first.descriptors[some], second.descriptors)
        nearest[some] = squares.argmin(axis=1)
        back = squares.argmin(axis=0)
        distance = squares[back, np.arange(len(second))]
        nearer = distance < least
        nearest_back[nearer], least[nearer] = start + back[nearer], distance[nearer]
        if ratio < 1 and len(second) > 1:
            rows = np.arange(len(squares))
            best = squares[rows, nearest[some]]
            squares[rows, nearest[some]] = np.inf
            kept[some] = best < ratio**2 * squares.min(axis=1)
    rows = np.flatnonzero(kept & (nearest_back[nearest] == np.arange(len(first))))
    return rows, nearest[rows]


def _squared_distances(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(N, M) squares of distances: Euclidean for SIFT, the number of bits that differ for ORB."""
    if a.dtype == np.uint8:
        bits = np.zeros((len(a), len(b)), np.float32)
        words = (np.ascontiguousarray(d).view(np.uint64).T for d in (a, b))
        for i, j in zip(*words, strict=True):
            bits += np.bitwise_count(i[:, np.newaxis] ^ j)
        return bits * bits
    squares: npt.NDArray[np.float32] = a @ (-2 * b.T)
    squares += (a * a).sum(axis=1)[:, np.newaxis]
    squares += (b * b).sum(axis=1)
    return squares


def _sift(params: KeypointParams, contrast: float) -> Any:
    # scikit-image scales its threshold to the number of scales, OpenCV divides by that number.
    scaled = (2 ** (1 / params.n_scales) - 1) / (2 ** (1 / 3) - 1)
    threshold = params.c_dog * contrast * scaled * params.n_scales
    return cv2.SIFT.create(
        0, params.n_scales, threshold, params.c_edge, params.sigma_min, enable_precise_upscale=True
    )


def _orb(params: KeypointParams, contrast: float) -> Any:
    threshold = max(round(ORB_FAST_THRESHOLD * contrast), 1)
    return cv2.ORB.create(nfeatures=params.max_keypoints, fastThreshold=threshold)


def _octave(keypoint: Any) -> int:
    """OpenCV packs the octave into a signed byte: -1 is the doubled image."""
    octave = int(keypoint.octave) & 255
    return octave - 256 if octave >= 128 else octave
