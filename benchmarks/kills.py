"""Kill a command at random moments, again and again: nothing may get lost, the result is the same.

    python benchmarks/kills.py                     # 50 kills of each kind of run
    python benchmarks/kills.py traces zshift --kills 10 --size 128

Each round starts the command, sends SIGKILL (every fifth time SIGTERM) after a random time, and
looks at the journal: no finished unit may get lost or change. Rounds follow one another on the
same journal until the result is there; then it is compared, bit by bit, with that of a run that
nobody stopped, and removed. An export to Zarr keeps the chunks that it listed, once a second; one
to a single file starts again, and there is nothing or all of it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats
from napari_zstack_align.saved import journal_folder, occupant_of
from napari_zstack_align.write.unfinished import FINISHED, unfinished_of

PROGRAM = (sys.executable, "-m", "napari_zstack_align.cli.main")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kinds", nargs="*", help=f"some of {', '.join(COMMANDS)}; all by default")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--slices", type=int, default=16)
    parser.add_argument("--frames", type=int, default=2000, help="of a recording")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), options)
        for kind in options.kinds or COMMANDS:
            kill(Path(folder), (*PROGRAM, *COMMANDS[kind](Path(folder))), kind, options)


COMMANDS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    **{
        strategy: lambda f, strategy=strategy: (
            "adaptive", f"{f}/zstack.tif", "--frames-per-slice=5", f"--strategy={strategy}",
        )
        for strategy in ("two_stage", "direct")
    },
    "keypoints": lambda f: (
        "keypoints", f"{f}/moving_0.tif", f"{f}/moving_1.tif", "--chunk-frames=50",
        "--residual=translation",
    ),
    "traces": lambda f: ("traces", f"{f}/recording.tif", f"--rois={f}/rois.csv"),
    "zshift": lambda f: (
        "zshift", f"{f}/recording.tif", f"--reference={f}/volume.npy", "--patch-px=64",
    ),
    **{
        ending: lambda f: ("export", f"{f}/moving/moving_0.zalign", "--what=aligned")
        for ending in (".zarr", ".tif", ".h5")
    },
}  # fmt: skip
"""Arguments of each kind of run, from the folder of its inputs; all but --out.

An export is called by the ending of what it writes.
"""


def write_inputs(folder: Path, options: argparse.Namespace) -> None:
    """Write a z-stack, its volume, a recording of its middle slice, two that move, and ROIs."""
    sample = zstack_with_repeats(n_slices=options.slices, n_repeats=5, size=options.size, seed=1)
    frames = sample.stack.read(0, sample.stack.n_frames)[:, 0]
    tifffile.imwrite(folder / "zstack.tif", frames, photometric="minisblack")
    volume = frames.reshape(options.slices, 5, options.size, options.size).mean(axis=1)
    np.save(folder / "volume.npy", volume.astype(np.float32))
    slices = options.slices / 2 + 2 * np.sin(np.arange(options.frames) / 100)
    noise = np.random.default_rng(2)
    with tifffile.TiffWriter(folder / "recording.tif", bigtiff=True) as file:
        for z in np.rint(slices).astype(int):
            frame = noise.poisson(volume[z] / 10) * 10
            file.write(frame.astype(np.uint16), contiguous=True, photometric="minisblack")
    moving = recording_with_motion(n_frames=600, size=options.size, seed=3).stack
    for i in range(2):
        frames = moving.read(300 * i, 300 * (i + 1))[:, 0]
        tifffile.imwrite(folder / f"moving_{i}.tif", frames, photometric="minisblack")
    run = (*PROGRAM, *COMMANDS["keypoints"](folder), f"--out={folder}/moving")
    subprocess.run(run, check=True, capture_output=True)
    places = noise.uniform(10, options.size - 10, (300, 2))
    nza.Rois.of(np.column_stack([places, np.full(300, 4.0)])).save(folder / "rois.csv")


def kill(folder: Path, command: tuple[str, ...], title: str, options: argparse.Namespace) -> None:
    """Kill a command until that was done often enough; print a line on what was found."""
    rng = random.Random(options.seed)
    ending = title if title.startswith(".") else ".zalign"
    reference, target = (folder / title / name / f"run{ending}" for name in ("whole", "killed"))
    for each in (reference, target):
        each.parent.mkdir(parents=True)
    unfinished = journal_folder(target) if ending == ".zalign" else unfinished_of(target)
    start = time.monotonic()
    subprocess.run([*command, f"--out={reference}"], check=True, capture_output=True)
    takes = time.monotonic() - start
    kills = finished = lost = fresh = 0
    while kills < options.kills:
        before = units(unfinished)
        process = subprocess.Popen(
            [*command, f"--out={target}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        number = signal.SIGTERM if kills % 5 == 4 else signal.SIGKILL
        try:
            process.wait(rng.uniform(0.3 * takes, 1.2 * takes))
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        said, _ = process.communicate()
        assert b"Traceback" not in said, said.decode()
        done = is_done(target) and not unfinished.exists()
        if done:  # it may have been killed as it left
            finished += 1
            check(target, reference)
        if process.returncode == 0:
            assert done
            continue
        kills += 1
        assert process.returncode in (-number, 1), said.decode()
        if done:
            continue
        after = units(unfinished)
        lost += sum(after.get(name) != state for name, state in before.items())
        fresh += not after
    while not is_done(target):
        subprocess.run([*command, f"--out={target}"], capture_output=True, check=False)
    check(target, reference)
    left = [path.name for path in target.parent.iterdir()]
    assert not left, f"left behind: {left}"
    print(
        f"{title}: {kills} kills, {finished + 1} results, all bit-identical to the one of an "
        f"unbroken run ({takes:.1f} s); {lost} finished units lost; "
        f"{fresh} kills before the first unit was finished",
        flush=True,
    )


def units(unfinished: Path) -> dict[str, object]:
    """When each finished unit was written; of an export, what is listed of each finished chunk."""
    listed = unfinished / FINISHED
    if listed.is_file():
        lines = listed.read_text(errors="replace").splitlines(keepends=True)
        return {line.split(",")[0]: line for line in lines if line.endswith("\n")}
    return {path.name: path.stat().st_mtime_ns for path in unfinished.glob("*.unit")}


def is_done(target: Path) -> bool:
    """Whether there is a result, a complete one."""
    return occupant_of(target).complete if target.suffix == ".zalign" else target.exists()


def check(target: Path, reference: Path) -> None:
    """Hold a result to that of an unbroken run, bit by bit, and remove it."""
    if target.suffix == ".zalign":
        assert numbers(nza.load(target)) == numbers(nza.load(reference)), "it is another result"
    else:
        assert digests(target) == digests(reference), "it is another file"
    shutil.rmtree(target) if target.is_dir() else target.unlink()


def digests(path: Path) -> dict[str, str]:
    """Digest of a file, or of each file in a folder."""
    if path.suffix == ".tif":  # OME-TIFF has an identifier that is new in every file
        return {"pixels": hashlib.sha256(tifffile.imread(path).tobytes()).hexdigest()}
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {
        each.relative_to(path).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in files
    }


def numbers(result: object) -> list[bytes]:
    """Numbers of an alignment, traces or a z-shift, or of several."""
    if isinstance(result, list):
        return [each for one in result for each in numbers(one)]
    if isinstance(result, nza.Alignment):
        names = ("coefficients", "matrices")
        links = [
            getattr(link, n) for link in result.transforms.links for n in names if hasattr(link, n)
        ]
        arrays = [*links, result.quality, result.reference]
    elif isinstance(result, nza.Traces):
        arrays = [result.F, result.Fneu, result.corrected, result.dff, result.frames]
        arrays += [result.motion_explained, result.dark.values]
    else:
        assert isinstance(result, nza.ZShift)
        arrays = [result.z, result.patch_z, result.raw_patch_z, result.patch_confidence]
        arrays += [result.lateral, result.quality, result.slice_gain]
    return [array.tobytes() for array in arrays]


if __name__ == "__main__":
    main()
