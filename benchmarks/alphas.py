"""Which alpha `try_alphas` selects in one slice, beside the best and what correlation selects.

    python benchmarks/alphas.py
    python benchmarks/alphas.py --photons 3 --motions bends --seeds 71 72 73

Generated slices, whose motion is known. A line a slice: the endpoint error in px (mean over the
repeats, 16 px along the borders left out) with the best alpha, with the one that predicts the
hidden half of the image best, with the default, and with the one after which the frames are most
alike where they were fitted. Must: the selected one at most 1.1 times the error of the best.
"""

from __future__ import annotations

import argparse

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.samples import endpoint_error, zstack_with_repeats
from napari_zstack_align.samples.zstack import SampleZStack

ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
DEFAULT = ALPHAS.index(1.0)
MOTIONS = {
    "bends": {"max_displacement_px": 4.0},
    "bends little": {"max_displacement_px": 1.0},
    "drifts": {"max_displacement_px": 0.0, "drift_px": 20.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--motions", nargs="+", choices=MOTIONS, default=[*MOTIONS])
    parser.add_argument("--photons", nargs="+", type=float, default=[3.0, 20.0, 60.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[71, 72])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    titles = ("best", "selected", "alpha 1", "alike")
    print(f"{'motion':<14}{'photons':>8}{'seed':>6}" + "".join(f"{t:>17}" for t in titles))
    for motion in options.motions:
        for photons in options.photons:
            for seed in options.seeds:
                made = zstack_with_repeats(
                    n_slices=1,
                    n_repeats=options.repeats,
                    size=options.size,
                    photons=photons,
                    seed=seed,
                    **MOTIONS[motion],
                )
                found = nza.run(nza.try_alphas(made.stack, alphas=ALPHAS))
                errors = np.array([error_px(made, each.alignment) for each in found.tried])
                own = [each.alignment.quality["correlation_after"].mean() for each in found.tried]
                chosen = (errors.argmin(), found.best, DEFAULT, np.argmax(own))
                cells = (f"{errors[k]:.3f} ({ALPHAS[k]:g})" for k in chosen)
                beyond = " <-- beyond" if errors[found.best] > 1.1 * errors.min() else ""
                print(
                    f"{motion:<14}{photons:>8g}{seed:>6}"
                    + "".join(f"{cell:>17}" for cell in cells)
                    + beyond,
                    flush=True,
                )


def error_px(made: SampleZStack, alignment: nza.Alignment) -> float:
    """Mean endpoint error of a slice."""
    frames = np.zeros(alignment.stack.n_frames, np.intp)
    return endpoint_error(
        alignment.transforms.displacement, made.displacement, frames, border_px=16
    ).mean


if __name__ == "__main__":
    main()
