"""Traces by plain loops: the definitions spelt out, however long it takes."""

from __future__ import annotations

from itertools import pairwise
from math import asin, ceil, floor, isfinite, nan, pi, sqrt

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import Transforms


def alignment_of(stack: nza.Stack, *links, used=None) -> Alignment:
    """An alignment with these links, every frame good."""
    quality = empty_table(stack.n_frames, "chunk")
    quality["correlation_after"] = 0.8
    quality["used"] = True if used is None else used
    shape = (stack.shape[2], stack.shape[3])
    reference = np.zeros(shape, np.float32)
    return Alignment(stack, Transforms(shape, links), reference, quality, nza.KeypointParams())


def area_in_pixel(cy: float, cx: float, r: float, i: int, j: int) -> float:
    """Area of a circle in the pixel (i, j), integrated along x between all that bends."""

    def arc(u: float) -> float:
        u = min(max(u, -r), r)
        return 0.5 * (u * sqrt(r * r - u * u) + r * r * asin(u / r))

    y0, y1, x0, x1 = i - 0.5 - cy, i + 0.5 - cy, j - 0.5 - cx, j + 0.5 - cx
    cuts = {x0, x1, -r, r}
    for y in (y0, y1):
        if abs(y) < r:
            cuts |= {-sqrt(r * r - y * y), sqrt(r * r - y * y)}
    places = sorted(c for c in cuts if x0 <= c <= x1)
    total = 0.0
    for a, b in pairwise(places):
        middle = (a + b) / 2
        if abs(middle) >= r:
            continue
        h = sqrt(r * r - middle * middle)
        if min(y1, h) <= max(y0, -h):
            continue
        top = y1 * (b - a) if y1 < h else arc(b) - arc(a)
        bottom = y0 * (b - a) if y0 > -h else -(arc(b) - arc(a))
        total += top - bottom
    return total


def circle_mean(image, cy: float, cx: float, r: float) -> float:
    """Mean by area; NaN where less than 90 % of the circle has pixels."""
    total = weight = 0.0
    for i in range(max(floor(cy - r), 0), min(ceil(cy + r), image.shape[0] - 1) + 1):
        for j in range(max(floor(cx - r), 0), min(ceil(cx + r), image.shape[1] - 1) + 1):
            area = area_in_pixel(cy, cx, r, i, j)
            if isfinite(image[i, j]):
                total += area * float(image[i, j])
                weight += area
    return total / weight if weight >= 0.9 * pi * r * r else nan


def ring_mean(image, circles, n: int, gap: float, width: float) -> float:
    """Mean of the ring's whole pixels that no circle and its margin of 1 px covers."""
    whole = [(floor(y + 0.5), floor(x + 0.5), floor(r + 0.5)) for y, x, r in circles]
    cy, cx, r = whole[n]
    if not (0 <= cy < image.shape[0] and 0 <= cx < image.shape[1]):
        return nan
    values = []
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            square = (i - cy) ** 2 + (j - cx) ** 2
            if not (r + gap) ** 2 < square <= (r + gap + width) ** 2:
                continue
            covered = any((i - y) ** 2 + (j - x) ** 2 <= (q + 1) ** 2 for y, x, q in whole)
            if not covered and isfinite(image[i, j]):
                values.append(float(image[i, j]))
    return sum(values) / len(values) if len(values) >= 10 else nan


def raw_traces(stack, rois, transforms, gap: float, width: float):
    """F and Fneu (C, N, T)."""
    n_frames, n_channels = stack.shape[:2]
    F, Fneu = np.full((2, n_channels, len(rois), n_frames), np.nan)
    for t in range(n_frames):
        frame = stack.read(t, t + 1)[0]
        circles = rois if transforms is None else nza.transform_rois(rois, transforms, t)
        for c in range(n_channels):
            for n, circle in enumerate(circles):
                F[c, n, t] = circle_mean(frame[c], *circle)
                Fneu[c, n, t] = ring_mean(frame[c], circles, n, gap, width)
    return F, Fneu


def corrected_trace(F, Fneu, factor: float, used):
    """F - r (Fneu - median Fneu)."""
    known = sorted(v for v, u in zip(Fneu, used, strict=True) if u and isfinite(v))
    if not known:
        return list(F)
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    return [f - factor * (v - middle) for f, v in zip(F, Fneu, strict=True)]


def baseline_trace(trace, used, segment, window: int, percentile: float):
    """Nearest rank of the window of good frames about each good frame, inside its segment."""
    result = [nan] * len(trace)
    for number in sorted(set(segment)):
        frames = [t for t in range(len(trace)) if segment[t] == number]
        good = [t for t in frames if used[t] and isfinite(trace[t])]
        if len(good) < 5:
            continue
        size = min(window, len(good))
        found = {}
        for i, t in enumerate(good):
            start = min(max(i - size // 2, 0), len(good) - size)
            values = sorted(trace[s] for s in good[start : start + size])
            found[t] = values[floor(percentile / 100 * (size - 1) + 0.5)]
        for t in frames:
            result[t] = float(np.interp(t, list(found), list(found.values())))
    return result


def baseline_in_time(trace, used, times, window_s: float, percentile: float):
    """The same of one segment, of the frames within the window's time, or the 5 nearest in order.

    Of a window that would reach beyond the segment, the frames at its end.
    """
    good = [t for t in range(len(trace)) if used[t] and isfinite(trace[t])]
    first, last = times[good[0]], times[good[-1]]
    found = {}
    for i, t in enumerate(good):
        middle = min(max(times[t], first + window_s / 2), last - window_s / 2)
        about = {s for s in good if abs(times[s] - middle) <= window_s * (0.5 + 1e-9)}
        if last - first <= window_s:
            about = set(good)
        start = min(max(i - 2, 0), len(good) - 5)
        about |= set(range(good[start], good[start + 4] + 1)) & set(good)
        values = sorted(trace[s] for s in about)
        found[t] = values[floor(percentile / 100 * (len(values) - 1) + 0.5)]
    return np.interp(range(len(trace)), list(found), list(found.values()))


def noise(trace, used, segment) -> float:
    """Noise from frame to frame, by the median step."""
    steps = sorted(
        abs(trace[t + 1] - trace[t])
        for t in range(len(trace) - 1)
        if segment[t] == segment[t + 1] and all(used[s] and isfinite(trace[s]) for s in (t, t + 1))
    )
    middle = (steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2
    return middle / (0.6744897501960817 * sqrt(2))
