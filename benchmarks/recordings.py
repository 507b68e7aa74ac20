"""Register recordings with known motion by this package and its peers: error, CPU, memory.

Each run is a fresh process kept to two processors. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import motion_sets
import numpy as np
from recording_sets import NEEDS, RecordingSet, available, gauge_error, grid_points, make_set

HERE = Path(__file__).resolve().parent
OURS = ("ours", "ours_none", "ours_translation", "ours_rigid", "ours_affine", "ours_spline")
PEERS = {
    "pystackreg": "pystackreg",
    "suite2p_rigid": "suite2p",
    "suite2p_nonrigid": "suite2p",
    "jnormcorre": "jnormcorre",
}
"""Each peer's method, and the environment it runs in."""
PACKAGES = {
    "pystackreg": ["pystackreg"],
    "suite2p": ["suite2p==1.1.0"],
    "jnormcorre": ["jnormcorre", "jax<0.9"],  # it calls what later JAX has dropped
}
COLUMNS = ("mean", "p95", "max", "over", "far", "over_percent", "cpu_s", "of_published", "peak_mb")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    if options.make_peers:
        for name in dict.fromkeys(PEERS[m] for m in options.methods if m in PEERS):
            make_peer(options.peers, name)
    rows = []
    print(_line("set", "seed", "method", COLUMNS), flush=True)
    for row in _rows(options):
        rows.append(row)
        print(_line(row["set"], row["seed"], row["method"], _cells(row)), flush=True)
    print("\nmean over the seeds")
    for row in average(rows):
        print(_line(row["set"], "", row["method"], _cells(row)))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def make_peer(folder: Path, name: str) -> None:
    """Install a peer into an environment of its own: their dependencies do not go together."""
    python = _python(folder, name)
    if python.exists():
        return
    venv.create(folder / name, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", *PACKAGES[name]]
    log = folder / f"{name}.log"
    with log.open("w") as file:
        if subprocess.run(command, stdout=file, stderr=file, check=False).returncode:
            print(f"{name} can't be installed here: see {log}")


def run_method(method: str, data: RecordingSet, folder: Path, options: argparse.Namespace) -> dict:
    """Run one method on a set that lies in a folder, and compare it with the truth."""
    command = [*_program(method, options.peers), folder, method]
    if method in OURS and options.params:
        command.append(options.params.resolve())
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        return {"failed": said[-1] if said else f"stopped with {done.returncode}"}
    with np.load(folder / f"{method}.npz") as found:
        estimated = list(found.values())
    if data.away is not None:
        return _of_points(estimated, data) | json.loads((folder / f"{method}.json").read_text())
    error = gauge_error(estimated, data.truth, data.frames[0].shape[1:])
    figures = {name: getattr(error, name) for name in ("mean", "p95", "max", "over_percent")}
    figures |= {"over": error.over, "far": error.over_far_from_steps(data)}
    return figures | json.loads((folder / f"{method}.json").read_text())


def _of_points(estimated: list[np.ndarray], data: RecordingSet) -> dict:
    """Errors of points, the mean of each over time taken off."""
    points = grid_points(data.frames[0].shape[1:])
    found = [maps[:, :2] @ points if maps.shape[1:] == (3, 3) else maps for maps in estimated]
    errors = motion_sets.point_errors(found, data.truth, data.away)
    errors = errors[np.isfinite(errors).all(axis=1)]
    return {"mean": errors.mean(), "p95": np.percentile(errors, 95), "max": errors.max()}


def average(rows: Sequence[dict]) -> Iterator[dict]:
    """Mean over the seeds of each set and method; of the largest errors and memory, the largest."""
    for name, method in dict.fromkeys((row["set"], row["method"]) for row in rows):
        same = [row for row in rows if (row["set"], row["method"]) == (name, method)]
        failed = [row["failed"] for row in same if "failed" in row]
        if failed:
            yield {"set": name, "method": method, "failed": f"{len(failed)} of {len(same)} failed"}
            continue
        figures = {
            column: np.mean([row[column] for row in same])
            for column in COLUMNS
            if column in same[0]
        }
        largest = {column: max(row[column] for row in same) for column in ("max", "peak_mb")}
        yield {"set": name, "method": method} | figures | largest


def _rows(options: argparse.Namespace) -> Iterator[dict]:
    for anatomy in options.anatomies:
        if not motion_sets.available(anatomy):
            print(f"{anatomy}: skipped, its data is not beside this project")
            continue
        for motion, photons, seed in product(options.motions, options.photons, options.seeds):
            data = motion_sets.make_motion_set(
                motion, anatomy, photons, seed, active=options.active
            )
            with tempfile.TemporaryDirectory() as folder:
                data.save(Path(folder))
                name = f"{motion}-{anatomy}-{photons:g}"
                yield from _compared(name, seed, data, Path(folder), options)
    for name in options.sets:
        if not available(name):
            print(f"{name}: skipped, its data is not beside this project")
            continue
        for seed in [0] if name == "drift3" else options.seeds:
            data = make_set(name, seed)
            with tempfile.TemporaryDirectory() as folder:
                data.save(Path(folder))
                yield from _compared(name, seed, data, Path(folder), options)


def _compared(
    name: str, seed: int, data: RecordingSet, folder: Path, options: argparse.Namespace
) -> Iterator[dict]:
    """Rows of one set; CPU seconds as a part of the published workflow's, where that has run."""
    published = None
    for method in sorted(options.methods, key=lambda method: method != "published"):
        row = {"set": name, "seed": seed, "method": method}
        row |= run_method(method, data, folder, options)
        if method == "published":
            published = row.get("cpu_s")
        if published and "cpu_s" in row:
            row["of_published"] = row["cpu_s"] / published
        yield row


def _program(method: str, peers: Path | None) -> list[object]:
    if method in OURS:
        return [sys.executable, HERE / "run_recordings.py"]
    if method == "published":
        return [sys.executable, HERE / "run_published.py"]
    return [_python(peers, PEERS[method]), HERE / "run_peers.py"]


def _python(peers: Path, name: str) -> Path:
    return peers / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _cells(row: dict) -> list[str]:
    if "failed" in row:
        return [f"  {row['failed'][:100]}"]
    formats = dict.fromkeys(COLUMNS, ".1f") | dict.fromkeys(("mean", "p95", "max"), ".3f")
    formats |= {
        "over": ".0f",
        "far": ".0f",
        "cpu_s": ".2f",
        "of_published": ".2f",
        "peak_mb": ".0f",
    }
    return [format(row[column], formats[column]) if column in row else "" for column in COLUMNS]


def _line(name: str, seed: object, method: str, cells: Sequence[str]) -> str:
    return f"{name:22}{seed!s:>5} {method:17}" + "".join(f"{cell:>13}" for cell in cells)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    methods = ["published", *OURS, *PEERS]
    parser.add_argument("--sets", nargs="*", choices=NEEDS, default=list(NEEDS))
    parser.add_argument("--anatomies", nargs="+", choices=motion_sets.ANATOMIES, default=[])
    parser.add_argument(
        "--motions", nargs="+", choices=motion_sets.MOTIONS, default=motion_sets.TABLE
    )
    parser.add_argument("--photons", nargs="+", type=float, default=[65.0, 8.0])
    parser.add_argument("--active", action="store_true", help="cells light up, the plane is left")
    parser.add_argument("--seeds", nargs="+", type=int, default=[201, 202, 203])
    parser.add_argument("--methods", nargs="+", choices=methods, default=["published", *OURS])
    parser.add_argument("--peers", type=Path, help="folder that holds an environment a peer")
    parser.add_argument("--make-peers", action="store_true", help="make those missing there")
    parser.add_argument("--params", type=Path, help="KeypointParams of ours, a JSON file")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    wanted = [method for method in options.methods if method in PEERS]
    if wanted and options.peers is None:
        parser.error(f"{', '.join(wanted)}: say where their environments lie, or go, by --peers")
    return options


if __name__ == "__main__":
    main()
