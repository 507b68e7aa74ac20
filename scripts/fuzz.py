"""Spoil good files and values at random, and report what isn't refused in a sentence.

    python scripts/fuzz.py [--minutes 10] [--seed 0] [--keep FOLDER] [--workers 1]
    python scripts/fuzz.py --again FOLDER        # the kept cases once more

TIFF, .npy, zarr, Suite2p, ThorImage, Scanbox, NDTiff, CZI, saved results, tables of ROIs and of
batch, and parameters are spoilt: bytes turned, cut out, doubled, exchanged for extremes, and JSON
values for odd ones. Each case is opened, and read where it opens. A crash is anything but a result
or a sentence, no answer within 10 s, or more than 2 GB of memory. Cases run in child processes;
what crashes is kept with its seed.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LONGEST_S = 10.0
MOST_BYTES = 2 * 2**30
CASES_A_CHILD = 200
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 0.5, 1e308, -0.0, "", "x", "\0",
    "../x", "nan", "9" * 5000, [], [[]], [None], {}, {"a": None}, "\ud800",
]  # fmt: skip
CHUNKS_IN_SHARDS: dict[str, Any] = {"chunks": (1, 20, 24), "shards": (2, 20, 24)}
WORDS = (b",", b"\n", b'"', b"\0", b"{", b"nan", b"9" * 400)
EXTREMES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\1\0\0\0",
    b"nan",
    b"-1",
)

warnings.simplefilter("ignore")


# -- what is spoilt ----------------------------------------------------------------------------


def make_corpus(folder: Path) -> dict[str, list[Path]]:
    """Write good files and folders, by the kind of what opens them."""
    import tifffile
    import zarr

    import napari_zstack_align as nza
    from napari_zstack_align.cells.traces.storage import save_session_traces
    from napari_zstack_align.progress import run
    from napari_zstack_align.write.export import export_volume

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "saved"))
    import cases  # type: ignore[import-not-found]

    rng = np.random.default_rng(0)
    frames = rng.integers(0, 999, (5, 20, 24)).astype(np.uint16)
    images: list[Path] = []
    for name, options in {
        "shaped": {}, "plain": {"metadata": None}, "imagej": {"imagej": True}, "ome": {"ome": True},
        "big": {"bigtiff": True}, "zlib": {"compression": "zlib"}, "tiled": {"tile": (16, 16)},
        "swapped": {"byteorder": ">"}, "lzw": {"compression": "lzw", "predictor": True},
    }.items():  # fmt: skip
        tifffile.imwrite(folder / f"{name}.tif", frames, photometric="minisblack", **options)
        images.append(folder / f"{name}.tif")
    for name, array in {"a": frames, "b": frames.astype("f4"), "c": frames[0]}.items():
        np.save(folder / f"{name}.npy", array)
        images.append(folder / f"{name}.npy")
    zarr.create_array(folder / "v3.zarr", data=frames, chunks=(2, 20, 24))
    zarr.create_array(folder / "v2.zarr", data=frames, chunks=(2, 20, 24), zarr_format=2)
    run(export_volume(folder / "ome.zarr", frames, "TYX"))
    images += [folder / "v3.zarr", folder / "v2.zarr", folder / "ome.zarr"]
    for name, chunks in {"blosc": {"chunks": (2, 20, 24)}, "shards": CHUNKS_IN_SHARDS}.items():
        packed = zarr.codecs.BloscCodec(cname="lz4")
        zarr.create_array(folder / f"{name}.zarr", data=frames, compressors=packed, **chunks)
        images.append(folder / f"{name}.zarr")
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from read import written  # type: ignore[import-not-found]

    # HDF5's own library may not come back from a damaged file: it is no part of this.
    made = written.acquisition(n_slices=3)
    images += [w(folder, made) for w in (written.suite2p, written.thor, written.zeiss(6))]
    for name in ("scanbox", "ndtiff"):
        (folder / name).mkdir()
    images.append(written.scanbox(folder / "scanbox", made).parent)
    images.append(written.ndtiff(folder / "ndtiff", made))
    images.append(written.isxd(folder, written.acquisition()))
    results = [
        cases.zstack(1).save(folder / "z.zalign"),
        cases.recording(1).save(folder / "r.zalign"),
        cases.zshift(1).save(folder / "s.zalign"),
        cases.traces(1).save(folder / "traces"),
        nza.save_session(cases.session(1, "ab"), folder / "session"),
        save_session_traces([cases.traces(1, "a"), cases.traces(2, "b")], folder / "several"),
    ]
    rois = cases.rois(1).save(folder / "rois.csv")
    table = folder / "table.csv"
    table.write_text(
        "name,recordings,mask,out,alpha\na,b;c,m.tif,o,1.5\nd,e,,,\n".replace(
            ",alpha", ",chunk_frames"
        ).replace("1.5", "15")
    )
    params = folder / "params.json"
    params.write_text('{"alpha": 1.5, "channel": 0, "between_slices": "full", "start_slice": null}')
    return {
        "image": images,
        "result": results,
        "rois": [rois],
        "table": [table],
        "params": [params],
    }


def open_one(kind: str, path: Path) -> None:
    """Open what was spoilt, and read it."""
    import napari_zstack_align as nza
    from napari_zstack_align.cli.table import read_rows

    if kind == "image":
        stack = nza.open_stack(path)
        repr(stack)
        stack.read(0, min(stack.n_frames, 8))
    elif kind == "result":
        found = nza.load(path)
        repr(found)
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, nza.Alignment):
                one.transforms.displacement(0)
    elif kind == "rois":
        nza.load_rois(path)
    elif kind == "table":
        for row in read_rows(path, path.parent, nza.KeypointParams):
            row.params(nza.KeypointParams())
    else:
        nza.AdaptiveParams.from_file(path)


# -- how it is spoilt --------------------------------------------------------------------------


def spoil(path: Path, rng: random.Random) -> None:
    """Spoil one file of a path, in one to four ways."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    file = rng.choice(files)
    if (file.suffix == ".json" or file.name.startswith(".z")) and rng.random() < 0.7:
        _spoil_json(file, rng)
        return
    content = file.read_bytes()
    for _ in range(rng.randint(1, 4)):
        content = _spoil_bytes(content, rng)
    file.write_bytes(content)
    if path.is_dir() and rng.random() < 0.7:
        _sign(path, file, content)


def _spoil_json(file: Path, rng: random.Random) -> None:
    facts = json.loads(file.read_text("utf-8"))
    for _ in range(rng.randint(1, 2)):
        holders = list(_holders(facts))
        if not holders:
            break
        holder = rng.choice(holders)
        key = rng.choice(list(holder) if isinstance(holder, dict) else list(range(len(holder))))
        if rng.random() < 0.2:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(rng.choice(ODD))
    if "checksum" in facts and rng.random() < 0.9:
        from napari_zstack_align.saved.manifest import _checksum

        facts["checksum"] = _checksum(facts)
    file.write_text(json.dumps(facts), "utf-8")


def _holders(value: Any) -> Any:
    if isinstance(value, dict | list) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _holders(each)


def _sign(folder: Path, file: Path, content: bytes) -> None:
    """Give a spoilt file of a result the right checksum: a reader must not rely on it."""
    import hashlib

    from napari_zstack_align.saved.manifest import _checksum

    manifest = file.with_name("run.json")
    if manifest == file or not manifest.is_file():
        return
    facts = json.loads(manifest.read_text("utf-8"))
    for entry in facts["files"].values():
        if entry["name"] == file.name:
            entry["size"], entry["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    facts["checksum"] = _checksum(facts)
    manifest.write_text(json.dumps(facts), "utf-8")


def _spoil_bytes(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return rng.randbytes(rng.randint(0, 64))
    # heads are where the sense is
    reach = len(content) if rng.random() < 0.4 else min(len(content), 512)
    at = rng.randrange(reach)
    some = rng.randint(1, 16)
    ways: list[Callable[[], bytes]] = [
        lambda: content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :],
        lambda: content[:at] + rng.randbytes(some) + content[at + some :],
        lambda: content[:at] + rng.choice(EXTREMES) + content[at + 4 :],
        lambda: content[:at] + content[at + some :],
        lambda: content[:at] + content[at : at + some] * rng.randint(2, 9) + content[at + some :],
        lambda: content[: rng.randrange(len(content))],
        lambda: content[:at] + rng.choice(WORDS) + content[at:],
    ]  # fmt: skip
    return rng.choice(ways)()


# -- cases in child processes ------------------------------------------------------------------


def run_case(seed: int, corpus: dict[str, list[Path]], folder: Path) -> tuple[str, str]:
    """Spoil and open one case; return its kind and outcome: 'opened', 'refused' or a traceback."""
    from napari_zstack_align.errors import ZstackAlignError

    rng = random.Random(seed)
    kind = rng.choices(list(corpus), [6, 6, 1, 1, 1])[0]
    good = rng.choice(corpus[kind])
    path = folder / good.name
    (shutil.copytree if good.is_dir() else shutil.copy)(good, path)
    spoil(path, rng)
    return kind, outcome_of(kind, path, ZstackAlignError)


def outcome_of(kind: str, path: Path, sentence: type[Exception]) -> str:
    """Open one case; return what came of it."""
    try:
        open_one(kind, path)
    except sentence as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    except Exception:
        return traceback.format_exc()
    return "opened"


def work(first: int, count: int, corpus: dict[str, list[Path]], keep: Path, pipe: Any) -> None:
    """Run cases one after the other; tell the number of each before it begins."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES + _size_now(), resource.RLIM_INFINITY))
    for seed in range(first, first + count):
        pipe.send(("begun", seed))
        folder = keep / f"{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kind, outcome = run_case(seed, corpus, folder)
        if outcome in ("opened", "refused"):
            shutil.rmtree(folder)
        else:
            (folder / "outcome.txt").write_text(f"{kind}\n{outcome}", "utf-8", "backslashreplace")
        pipe.send(("done", kind, outcome))
    pipe.send(("end",))


def _size_now() -> int:
    """Bytes of address space that the libraries take."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def supervise(
    first: int, until: float, most: int, corpus: dict[str, list[Path]], keep: Path
) -> Counter[str]:
    """Run cases from a seed on in child processes until the time is over or there are enough."""
    found: Counter[str] = Counter()
    seed, context = first, multiprocessing.get_context("fork")
    while time.monotonic() < until and seed < first + most:
        ours, theirs = context.Pipe()
        count = min(CASES_A_CHILD, first + most - seed)
        child = context.Process(target=work, args=(seed, count, corpus, keep, theirs))
        child.start()
        theirs.close()
        seed += _listen(child, ours, keep, found, seed, until)
    return found


def _listen(child: Any, pipe: Any, keep: Path, found: Counter[str], seed: int, until: float) -> int:
    """Count what a child tells; return how many cases it began."""
    begun = 0
    while True:
        if not pipe.poll(LONGEST_S):
            _lost(keep, seed, f"no answer within {LONGEST_S:g} s", found)
            os.kill(child.pid, signal.SIGKILL)
            break
        try:
            message = pipe.recv()
        except EOFError:
            child.join()
            if child.exitcode:
                _lost(keep, seed, f"the process died ({child.exitcode})", found)
            break
        if message[0] == "end":
            break
        if message[0] == "begun":
            seed, begun = message[1], begun + 1
            continue
        _, kind, outcome = message
        found["cases"] += 1
        found[outcome if outcome in ("opened", "refused") else "crashes"] += 1
        if outcome not in ("opened", "refused"):
            print(f"seed {seed}, {kind}: {outcome.strip().splitlines()[-1][:200]}", flush=True)
        if time.monotonic() > until:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.join()
    return begun


def _lost(keep: Path, seed: int, why: str, found: Counter[str]) -> None:
    found["cases"] += 1
    found["crashes"] += 1
    print(f"seed {seed}: {why}; kept in {keep / str(seed)}", flush=True)


def fuzz(minutes: float, seed: int, keep: Path, most: int = 10**9) -> Counter[str]:
    """Run cases for some minutes; return how many were opened, refused, or crashed."""
    keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_corpus(Path(folder))
        return supervise(seed, time.monotonic() + 60 * minutes, most, corpus, keep)


def again(keep: Path) -> int:
    """Open the kept cases once more; return how many still crash."""
    from napari_zstack_align.errors import ZstackAlignError

    crashes = 0
    for note in sorted(keep.glob("*/outcome.txt")):
        kind = note.read_text("utf-8").splitlines()[0]
        (path,) = (each for each in note.parent.iterdir() if each != note)
        outcome = outcome_of(kind, path, ZstackAlignError)
        crashes += outcome not in ("opened", "refused")
        print(f"{note.parent.name}, {kind}: {outcome.strip().splitlines()[-1][:200]}")
    return crashes


def main() -> int:
    """Read the arguments, fuzz, and tell the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("FUZZ_MINUTES", 10)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-crashes"))
    parser.add_argument("--again", type=Path)
    args = parser.parse_args()
    if args.again:
        return int(again(args.again) > 0)
    found = fuzz(args.minutes, args.seed, args.keep)
    print(", ".join(f"{number:,} {name}" for name, number in found.items()))
    return int(found["crashes"] > 0)


if __name__ == "__main__":
    sys.exit(main())
