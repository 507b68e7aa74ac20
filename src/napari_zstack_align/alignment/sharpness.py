"""How much structure two images of the same place share, whatever noise each of them has."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def shared_gradient(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """Return the gradient energy that two images share.

    The gradients of independent noise are unrelated, so that their product is that of the
    structure alone: sharp edges in the same place raise it; blur, and edges that lie apart, lower
    it.

    Parameters
    ----------
    first, second : numpy.ndarray
        (Y, X) means of different frames of one place; NaN where nothing is known.

    Returns
    -------
    float
        Mean product of the slopes in y plus that in x, (counts/px)²; NaN where nothing is known.
    """
    slopes = [np.gradient(np.asarray(image, np.float64)) for image in (first, second)]
    product = sum(one * other for one, other in zip(*slopes, strict=True))
    known = np.isfinite(product)
    return float(np.mean(product[known])) if known.any() else np.nan
