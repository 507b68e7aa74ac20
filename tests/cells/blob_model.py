"""scikit-image's blobs at our parameters, in our form, and spots to be found."""

import numpy as np
from skimage.feature import blob_dog, blob_doh, blob_log


def normalised(image):
    image = np.asarray(image, np.float64)
    return (image - image.min()) / (image.max() - image.min())


def model_blobs(image, params):
    """(N, 3) y, x, radius of an image in [0, 1], sorted by y, then x."""
    common = {
        "min_sigma": params.min_sigma,
        "max_sigma": params.max_sigma,
        "threshold": params.threshold,
        "threshold_rel": params.threshold_rel,
        "overlap": params.overlap,
    }
    border = {"exclude_border": params.exclude_border}
    if params.method == "log":
        blobs = blob_log(image, num_sigma=params.num_sigma, **common, **border)
    elif params.method == "dog":
        blobs = blob_dog(image, sigma_ratio=params.sigma_ratio, **common, **border)
    else:
        assert params.exclude_border == 0
        blobs = blob_doh(image, num_sigma=params.num_sigma, **common)
    blobs = blobs * [1, 1, 1 if params.method == "doh" else np.sqrt(2)]
    return blobs[np.lexsort((blobs[:, 1], blobs[:, 0]))]


def spots(shape, centres, sigma, height=1.0):
    """Gaussian spots (y, x) on black."""
    y, x = np.indices(shape)
    image = np.zeros(shape)
    for (cy, cx), s in zip(centres, np.broadcast_to(sigma, len(centres)), strict=True):
        image += height * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s))
    return image
