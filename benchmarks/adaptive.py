"""Align z-stacks with known motion by this package and its peer: error, speed, memory.

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
from dataclasses import asdict
from pathlib import Path

import numpy as np
import sets
from measure import SAMPLING_PX

from napari_zstack_align.samples import endpoint_error

HERE = Path(__file__).resolve().parent
PEER = "pyflowreg==0.1.0a9"
METHODS = {
    "ours": [],
    "fast": ["fast", "50"],
    "balanced": ["balanced", "50"],
}
"""Ours, and the peer's quality setting and alpha (its own default where none is given)."""
COLUMNS = ("mean", "within_slice", "last_slice", "p95", "max", "frames_per_s", "peak_mb")
BORDER_PX = 24


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    if options.make_peer is not None:
        options.peer_python = make_peer(options.make_peer)
    methods = [m for m in options.methods if m == "ours" or options.peer_python]
    for method in set(options.methods) - set(methods):
        print(f"{method}: skipped, give --peer-python or --make-peer")
    rows = []
    print(_line("set", "seed", "method", COLUMNS), flush=True)
    for row in _rows(options, methods):
        rows.append(row)
        print(_line(row["set"], row["seed"], row["method"], _cells(row)), flush=True)
    print("\nmean over the seeds")
    for row in average(rows):
        print(_line(row["set"], "", row["method"], _cells(row)))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def make_peer(folder: Path) -> Path:
    """Install the peer into an environment of its own (its licence keeps it out of ours)."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return python


def run_method(method: str, data: sets.Set, folder: Path, options: argparse.Namespace) -> dict:
    """Run one method on a set that lies in a folder, and compare it with the truth."""
    if method == "ours":
        extra = [str(options.params.resolve())] if options.params else []
        command = [sys.executable, HERE / "run_ours.py", folder, method, *extra]
    else:
        command = [options.peer_python, HERE / "run_pyflowreg.py", folder, method, *METHODS[method]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{method} stopped:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    found = np.load(folder / f"{method}.npy")
    error = endpoint_error(
        found.__getitem__,
        data.truth.__getitem__,
        data.slice_of_frame,
        border_px=BORDER_PX // SAMPLING_PX,
        step_px=1,
    )
    return asdict(error) | json.loads((folder / f"{method}.json").read_text())


def average(rows: Sequence[dict]) -> Iterator[dict]:
    """Mean over the seeds of each set and method; of the peak memory, the largest."""
    for name, method in dict.fromkeys((row["set"], row["method"]) for row in rows):
        same = [row for row in rows if (row["set"], row["method"]) == (name, method)]
        figures = {column: np.mean([row[column] for row in same]) for column in COLUMNS}
        largest = {column: max(row[column] for row in same) for column in ("max", "peak_mb")}
        yield {"set": name, "method": method} | figures | largest


def _rows(options: argparse.Namespace, methods: Sequence[str]) -> Iterator[dict]:
    for name in options.sets:
        if not sets.available(name):
            print(f"{name}: skipped, its data is not beside this project")
            continue
        for seed in [0] if name == "real" else options.seeds:
            data = sets.make(name, seed)
            with tempfile.TemporaryDirectory() as folder:
                data.write(Path(folder))
                for method in methods:
                    figures = run_method(method, data, Path(folder), options)
                    yield {"set": name, "seed": seed, "method": method} | figures


def _cells(row: dict) -> list[str]:
    lengths = [f"{row[column]:.3f}" for column in COLUMNS[:5]]
    return [*lengths, f"{row['frames_per_s']:.1f}", f"{row['peak_mb']:.0f}"]


def _line(name: str, seed: object, method: str, cells: Sequence[str]) -> str:
    return f"{name:9} {seed!s:>5} {method:9}" + "".join(f"{cell:>13}" for cell in cells)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*sets.SYNTHETIC, "real"]
    parser.add_argument("--sets", nargs="+", choices=names, default=["cells20", "cells3", "real"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[101, 102, 103])
    parser.add_argument("--methods", nargs="+", choices=[*METHODS], default=[*METHODS])
    peer = parser.add_mutually_exclusive_group()
    peer.add_argument(
        "--peer-python",
        type=Path,
        default=os.environ.get("PEER_PYTHON"),
        help=f"Python of an environment that holds {PEER} (or set PEER_PYTHON)",
    )
    peer.add_argument(
        "--make-peer", type=Path, metavar="FOLDER", help=f"make such an environment ({PEER}) here"
    )
    parser.add_argument("--params", type=Path, help="AdaptiveParams of ours, a JSON file")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
