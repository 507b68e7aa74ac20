"""Peak memory of every command, on an input of 1, 4 and 16 times the length.

    python benchmarks/memory.py                  # all commands
    python benchmarks/memory.py traces export    # those whose names hold one of these words, and
                                                 # those that write their inputs

Each command runs as a person runs it, in a process of its own; the system says the most memory
that it held. Must: from 1 to 16 times the length it grows by less than 10 %, the result apart
(what is written, which the command holds as it fills). Time doesn't matter here: the machine may
have other work.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats

LENGTHS = (1, 4, 16)
N_FRAMES, SIDE = 250, 256
N_SLICES, N_REPEATS = 6, 6
MOST_GROWTH = 0.10
MB = 2**20

LOAD = """
import sys, tracemalloc
import napari_zstack_align as nza
nza.load(sys.argv[1])  # what is imported doesn't count
tracemalloc.start()
result = nza.load(sys.argv[1])
print(tracemalloc.get_traced_memory()[0])
"""
RUN = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from measure import memory_mb
from napari_zstack_align.cli.main import main
code = main(sys.argv[1:])
print(memory_mb("VmHWM"))
sys.exit(code)
"""
"""Says at the end what the system says of the process itself, not of the one that started it."""

Command = Callable[[Path, int], list[str]]
"""Arguments of a command, from the folder of the inputs and the length."""

COMMANDS: dict[str, Command] = {
    "info": lambda f, n: ["info", f"{f}/recording_{n}.tif"],
    "info --propose": lambda f, n: [
        "info", f"{f}/zstack_{n}.tif", "--frames-per-slice", f"{N_REPEATS}", "--propose",
    ],
    "adaptive": lambda f, n: [
        "adaptive", f"{f}/zstack_{n}.tif", "--frames-per-slice", f"{N_REPEATS}",
        "--out", f"{f}/out_{n}.zalign",
    ],
    "adaptive --volume": lambda f, n: [
        "adaptive", f"{f}/zstack_{n}.tif", "--frames-per-slice", f"{N_REPEATS}",
        "--out", f"{f}/out_{n}.zalign", "--volume", f"{f}/out_{n}.ome.tif",
    ],
    "keypoints": lambda f, n: [
        "keypoints", f"{f}/recording_{n}.tif", "--frame-rate", "10", "--out", f"{f}/session_{n}",
    ],
    "keypoints --residual spline": lambda f, n: [
        "keypoints", f"{f}/recording_{n}.tif", "--frame-rate", "10", "--residual", "spline",
        "--out", f"{f}/splines_{n}",
    ],
    "traces": lambda f, n: [
        "traces", f"{f}/session_{n}", "--rois", f"{f}/rois.csv", "--out", f"{f}/traces_{n}",
    ],
    "zshift": lambda f, n: [
        "zshift", f"{f}/recording_{n}.tif", "--reference", f"{f}/out_1.zalign",
        "--out", f"{f}/zshift_{n}.zalign",
    ],
    "blobs": lambda f, n: ["blobs", f"{f}/session_{n}", "--out", f"{f}/blobs_{n}.csv"],
    **{
        f"export {ending}": lambda f, n, ending=ending: [
            "export", f"{f}/session_{n}", "--out", f"{f}/frames_{n}{ending}",
        ]
        for ending in (".ome.tif", ".zarr", ".h5", ".bin")
    },
    **{
        f"export traces {ending}": lambda f, n, ending=ending: [
            "export", f"{f}/traces_{n}", "--out", f"{f}/table_{n}{ending}",
            *(NWB_NEEDS if ending == ".nwb" else []),
        ]
        for ending in (".csv", ".npz", ".nwb", "_suite2p")
    },
}  # fmt: skip
NWB_NEEDS = ["--session-start", "2024-01-01T12:00:00+00:00"]
NEEDS = {"zshift": "adaptive", "traces": "keypoints", "blobs": "keypoints", "export": "keypoints"}
NEEDS |= {name: "traces" for name in COMMANDS if name.startswith("export traces")}
"""What writes the input of a command."""


def write_inputs(folder: Path) -> None:
    """Write recordings and z-stacks of each length, and a table of ROIs."""
    sample = recording_with_motion(n_frames=N_FRAMES, size=SIDE, seed=5)
    frames = np.asarray(sample.stack.read(0, N_FRAMES))[:, 0]
    stack = zstack_with_repeats(n_slices=N_SLICES, n_repeats=N_REPEATS, size=SIDE, seed=5).stack
    slices = np.asarray(stack.read(0, stack.n_frames))[:, 0]
    slices = slices.reshape(N_SLICES, N_REPEATS, SIDE, SIDE)
    for length in LENGTHS:
        _write(folder / f"recording_{length}.tif", frames, length)
        _write(folder / f"zstack_{length}.tif", slices, length)
    image = frames.mean(axis=0)
    Rois.of(nza.detect_blobs(image, nza.BlobParams())).save(folder / "rois.csv")


def _write(path: Path, parts: np.ndarray, length: int) -> None:
    """Write frames or slices forwards, backwards, forwards, ...: motion without jumps."""
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for k in range(length):
            for part in parts[:: 1 if k % 2 == 0 else -1]:
                for frame in np.atleast_3d(part).reshape(-1, SIDE, SIDE):
                    file.write(frame, contiguous=True)


def peak_mb(arguments: list[str]) -> float:
    """Run a command to its end; the most memory that it held, MB."""
    replaces = ["--overwrite"] if "--out" in arguments else []
    words = [sys.executable, "-c", RUN, *arguments, *replaces]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}\n{process.stderr}")
    return float(process.stdout.split()[-1])


def chosen(words: list[str]) -> list[str]:
    """Names of the commands that hold one of the words, and of those that they need."""
    names = {name for name in COMMANDS if not words or any(word in name for word in words)}
    while more := {_needed(name) for name in names} - names - {""}:
        names |= more
    return [name for name in COMMANDS if name in names]


def _needed(name: str) -> str:
    return NEEDS.get(name) or NEEDS.get(name.split()[0], "")


def size_mb(path: Path) -> float:
    """Size of a file or folder, MB."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files) / MB


def held_mb(name: str, arguments: list[str]) -> float:
    """Size of a result that the command holds in memory, MB: exports hold none but traces."""
    if name.startswith("export traces"):
        return loaded_mb(Path(arguments[1]))
    if name.startswith(("export", "info")):
        return 0.0
    target = _target(arguments)
    return size_mb(target) if target.is_file() else loaded_mb(target)


def loaded_mb(result: Path) -> float:
    """Memory that a saved result takes when it is open, MB: its tables are wider than on disk."""
    words = [sys.executable, "-c", LOAD, str(result)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout) / MB


def _target(arguments: list[str]) -> Path:
    return Path(arguments[arguments.index("--out") + 1])


def main() -> int:
    """Print a table; exit code 1 where a command's memory grows by more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="only commands whose names hold one of these")
    asked = parser.parse_args()
    too_much = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        print(f"{'peak memory, MB, at':32}" + "".join(f"{n:>8} x" for n in LENGTHS), end="")
        print("   result    grows")
        for name in chosen(asked.words):
            command = COMMANDS[name]
            peaks = [peak_mb(command(folder, n)) for n in LENGTHS]
            results = [held_mb(name, command(folder, n)) for n in LENGTHS]
            growth = (peaks[-1] - results[-1]) / (peaks[0] - results[0]) - 1
            too_much += growth > MOST_GROWTH
            print(f"{name:32}" + "".join(f"{peak:10.0f}" for peak in peaks), end="")
            print(f" {results[-1]:8.1f} {100 * growth:7.1f} %", flush=True)
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())
