"""Parameters of blob detection."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log
from typing import Any, Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from napari_zstack_align.params._base import Params, unit

SMALLEST_SIGMA = 0.1
"""Of a narrower Gaussian, nothing is left on pixels."""
MOST_SCALES = 100
"""More take memory and time, and find no other blobs."""
SWAP = "swap them, or raise `max_sigma`"
BlobMethod: TypeAlias = Literal["log", "dog", "doh"]

METHODS: Final[tuple[BlobMethod, ...]] = ("log", "dog", "doh")

DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "log": {
        "min_sigma": 1.2,
        "max_sigma": 2.0,
        "threshold": 0.035,
        "threshold_rel": 0.1,
        "overlap": 0.1,
        "exclude_border": 12,
    },
    "dog": {
        "min_sigma": 1.4,
        "max_sigma": 2.0,
        "threshold": 0.04,
        "threshold_rel": 0.05,
        "overlap": 0.2,
        "exclude_border": 12,
    },
    "doh": {
        "min_sigma": 0.0,
        "max_sigma": 3.0,
        "threshold": 0.002,
        "threshold_rel": 0.003,
        "overlap": 0.2,
        "exclude_border": 0,
    },
}
"""Where a field isn't given, the value depends on the method."""


def _of_method(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda given: DEFAULTS[given.get("method", "log")][name]


class BlobParams(Params):
    """How blobs are found in an image normalised to [0, 1].

    Fields that aren't given have the defaults of the method: ``BlobParams(method="doh")``.
    """

    method: BlobMethod = Field(
        "log",
        description=(
            "'log': Laplacian of Gaussian, the most exact; 'dog': difference of Gaussians; 'doh': "
            "determinant of the Hessian, by box filters, for blobs of some 3 px radius and more."
        ),
    )
    min_sigma: float = Field(
        default_factory=_of_method("min_sigma"),
        ge=0.0,
        le=500.0,
        description=(
            "Smallest Gaussian that is looked for; a blob's radius is √2 of it ('doh': about 1 of "
            f"it). At least {SMALLEST_SIGMA:g}; 0 for 'doh' alone."
        ),
        json_schema_extra=unit("px"),
    )
    max_sigma: float = Field(
        default_factory=_of_method("max_sigma"),
        gt=0.0,
        le=500.0,
        description=f"Largest Gaussian that is looked for, at least {SMALLEST_SIGMA:g}.",
        json_schema_extra=unit("px"),
    )
    num_sigma: int = Field(
        10,
        ge=1,
        le=100,
        description="'log' and 'doh': number of scales, evenly spaced from the smallest to the "
        "largest.",
    )
    sigma_ratio: float = Field(
        1.6,
        gt=1.0,
        le=10.0,
        description="'dog': ratio of one scale to the scale before it; it makes at most "
        f"{MOST_SCALES} scales.",
    )
    threshold: float = Field(
        default_factory=_of_method("threshold"),
        ge=0.0,
        le=100.0,
        description="Blobs are stronger than this, on an image between 0 and 1.",
    )
    threshold_rel: float = Field(
        default_factory=_of_method("threshold_rel"),
        ge=0.0,
        le=1.0,
        description="Blobs are stronger than this part of the image's strongest response; the "
        "larger of the two thresholds counts.",
    )
    overlap: float = Field(
        default_factory=_of_method("overlap"),
        ge=0.0,
        le=1.0,
        description="Of two blobs that share more than this part of the smaller one's area, the "
        "smaller one is dropped.",
    )
    exclude_border: int = Field(
        default_factory=_of_method("exclude_border"),
        ge=0,
        le=10_000,
        description="Blobs whose centre lies this close to the image's border are left out.",
        json_schema_extra=unit("px"),
    )

    @classmethod
    def nuclei(cls, **changes: Any) -> Self:
        """Return parameters for bright, filled nuclei of some 10 to 25 px across."""
        return cls(**{**NUCLEI, **changes})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_sigma > self.max_sigma:
            what_to_do = self._higher_or_lower("min_sigma", "max_sigma") or SWAP
            raise ValueError(
                f"min_sigma ({self.min_sigma:g}) must not be above max_sigma "
                f"({self.max_sigma:g}): {what_to_do}"
            )
        if self.min_sigma == 0 and self.method != "doh":
            raise ValueError("min_sigma must be above 0, unless the method is 'doh'")
        for name in ("min_sigma", "max_sigma"):
            if 0 < getattr(self, name) < SMALLEST_SIGMA:
                raise ValueError(
                    f"{name} ({getattr(self, name):g}) must be at least {SMALLEST_SIGMA:g} px"
                )
        if self.method == "dog" and self._n_ratios() >= MOST_SCALES:
            raise ValueError(
                f"sigma_ratio ({self.sigma_ratio!r}) makes more than {MOST_SCALES} scales between "
                f"min_sigma and max_sigma: raise it to {self._least_ratio():.3f} or more"
            )
        return self

    def _n_ratios(self) -> float:
        """How many times 'dog' goes from one scale to the next."""
        return log(self.max_sigma / self.min_sigma) / log(self.sigma_ratio)

    def _least_ratio(self) -> float:
        """Rounded up, so that there are fewer scales than `MOST_SCALES`."""
        least = (self.max_sigma / self.min_sigma) ** (1 / (MOST_SCALES - 1))
        return 1 + ceil((least - 1) * 1000 + 1) / 1000


NUCLEI: Final[dict[str, Any]] = {
    "method": "log",
    "min_sigma": 5.0,
    "max_sigma": 8.0,
    "num_sigma": 6,
    "threshold": 0.03,
    "threshold_rel": 0.0,
    "overlap": 0.5,
    "exclude_border": 0,
}
