"""Saved results that were edited by hand or damaged: every field, every file."""

# ruff: noqa: E501
from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cases import recording, rois, session, traces, zshift, zstack
from refusing import check_sentence, done_or_refused, each, refused
from tiff_tags import with_tag

import napari_zstack_align as nza
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.saved.manifest import _checksum

KINDS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "z-stack": (lambda path: zstack(1).save(path), "run.json"),
    "recording": (lambda path: recording(1).save(path), "run.json"),
    "z-shift": (lambda path: zshift(1).save(path), "run.json"),
    "traces": (lambda path: traces(1).save(path), "run.json"),
    "session": (lambda path: nza.save_session(session(1, "ab"), path), "session.json"),
    "session traces": (
        lambda path: save_session_traces([traces(1, "a"), traces(2, "b")], path),
        "session.json",
    ),
}


@pytest.fixture(scope="session")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One result of each kind."""
    folder = tmp_path_factory.mktemp("once")
    return {name: save(folder / f"{name}.zalign") for name, (save, _) in KINDS.items()}


@pytest.fixture
def copy_of(saved_once: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy to be spoilt, and its manifest."""

    def make(kind: str) -> Path:
        target = tmp_path / saved_once[kind].name
        shutil.copytree(saved_once[kind], target)
        return target / KINDS[kind][1]

    return make


def edited(manifest: Path, change: Callable[[dict[str, Any]], Any], *, signed: bool = True) -> None:
    """Change a manifest; signed, its checksum is right: whoever did it knew what he did."""
    facts = json.loads(manifest.read_text("utf-8"))
    change(facts)
    if signed:
        facts["checksum"] = _checksum(facts)
    manifest.write_text(json.dumps(facts), "utf-8")


def at(facts: Any, place: tuple[str, ...]) -> tuple[Any, Any]:
    """The mapping or list that holds a place, and its key there."""
    for key in place[:-1]:
        facts = facts[int(key)] if isinstance(facts, list) else facts[key]
    return facts, int(place[-1]) if isinstance(facts, list) else place[-1]


PLACES: dict[str, tuple[str, ...]] = {
    "z-stack": (
        "kind", "schema_version", "state", "generation", "subject", "provenance", "files",
        "files.transforms", "files.quality", "files.reference", "files.quality.name",
        "files.quality.sha256", "files.quality.size", "subject.what", "subject.name",
        "subject.frames", "subject.done", "params", "params.model", "params.values",
        "params.values.alpha", "params.values.between_slices", "stack", "stack.name",
        "stack.shape", "stack.shape.0", "stack.shape.2", "stack.dtype", "stack.frames_per_slice",
        "stack.order", "stack.pixel_size_um", "stack.z_step_um", "stack.channel_names",
        "stack.fingerprint", "inputs", "provenance.details", "provenance.job",
        "provenance.remarks",
    ),
    "recording": (
        "params.values.transform", "params.values.chunk_frames", "stack.frames_per_slice",
        "files.chunks", "files.frame_times",
    ),
    "z-shift": (
        "kind", "anchor", "centres_y", "centres_x", "centres_y.0", "reference", "reference.name",
        "reference.pixel_size_um", "reference.z_step_um", "params", "params.values", "stack",
        "stack.shape", "inputs", "files.patch_z", "files.slice_gain",
    ),
    "traces": (
        "kind", "recording", "channel_names", "dark_level", "dark_level.values",
        "dark_level.source", "dark_level.accepted", "params", "params.neuropil_factor",
        "frame_shape", "pixel_size_um", "remarks", "files.F", "files.rois", "subject", "state",
    ),
    "session": (
        "kind", "recordings", "recordings.0", "recordings.0.folder", "recordings.0.name",
        "recordings.0.frames", "recordings.0.checksum", "recordings.0.manifest", "subject",
        "generation", "state", "replaces", "removed",
    ),
    "session traces": ("recordings", "recordings.1", "recordings.1.folder", "kind", "subject"),
}  # fmt: skip
ODD: dict[str, Any] = {
    "null": None, "a number": -1, "a word": "../x", "a list of null": [None], "an object": {},
}  # fmt: skip


def opened(folder: Path) -> Any:
    """Load, and look at what is there."""
    found = nza.load(folder)
    repr(found)
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, nza.Alignment):
            assert one.remarks is not None
            assert one.complete in (True, False)
    return found


def places_of(kind: str, manifest: Path) -> Iterator[str]:
    """Places of a kind that its manifest has."""
    facts = json.loads(manifest.read_text("utf-8"))
    for place in PLACES[kind]:
        with suppress(KeyError, IndexError):
            holder, key = at(facts, tuple(place.split(".")))
            holder[key]
            yield place


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLACES)
def test_fields_that_were_edited_and_signed(kind: str, copy_of: Callable[[str], Path]) -> None:
    """A sentence, or a result where the field doesn't matter; never a traceback."""
    manifest = copy_of(kind)
    good = manifest.read_text("utf-8")

    def check(place: str, odd: str) -> None:
        def change(facts: dict[str, Any]) -> None:
            holder, key = at(facts, tuple(place.split(".")))
            if odd == "gone":
                del holder[key]
            else:
                holder[key] = ODD[odd]

        manifest.write_text(good, "utf-8")
        edited(manifest, change)
        done_or_refused(lambda: opened(manifest.parent))

    places = list(places_of(kind, manifest))
    assert len(places) > len(PLACES[kind]) / 2
    each((f"{p} {odd}", partial(check, p, odd)) for p in places for odd in ("gone", *ODD))


@pytest.mark.parametrize("kind", PLACES)
def test_fields_that_were_edited(kind: str, copy_of: Callable[[str], Path]) -> None:
    """Without a checksum that fits; paths of raw files alone may be mended by hand."""
    manifest = copy_of(kind)
    good = manifest.read_text("utf-8")

    def check(place: str) -> None:
        def change(facts: dict[str, Any]) -> None:
            holder, key = at(facts, tuple(place.split(".")))
            holder[key] = {"edited": "by hand"}

        manifest.write_text(good, "utf-8")
        edited(manifest, change, signed=False)
        refused(lambda: opened(manifest.parent))

    each((place, partial(check, place)) for place in list(places_of(kind, manifest)))


TEXTS: dict[str, bytes] = {
    "nothing": b"", "no JSON": b"{", "null": b"null", "a list": b"[1]", "a number": b"3",
    "not UTF-8": b"\xff\xfe\x00", "too deep": b"[" * 100_000, "zeros": bytes(5000),
    "an empty object": b"{}", "schema 0": b'{"schema_version": 0}',
    "schema null": b'{"schema_version": null}', "schema true": b'{"schema_version": true}',
    "schema 999": b'{"schema_version": 999}', "schema 1 alone": b'{"schema_version": 1}',
    "schema 2 alone": b'{"schema_version": 2}', "a word": b'"run"',
    "a million digits": b'{"schema_version": ' + b"9" * 1_000_000 + b"}",
    "NaN": b'{"schema_version": NaN}',
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_manifests_that_are_none(kind: str, copy_of: Callable[[str], Path]) -> None:
    manifest = copy_of(kind)
    good = manifest.read_bytes()
    cut = {f"cut to {part}": good[: int(part * len(good))] for part in (0.2, 0.5, 0.9, 0.999)}

    def check(content: bytes) -> None:
        manifest.write_bytes(content)
        refused(lambda: opened(manifest.parent))

    each((name, partial(check, content)) for name, content in {**TEXTS, **cut}.items())


# -- the files that a manifest lists -----------------------------------------------------------

ROLES = {
    "z-stack": ("transforms", "quality", "reference", "mask"),
    "recording": ("transforms", "quality", "reference", "chunks", "frame_times"),
    "z-shift": (
        "frames", "patch_z", "raw_patch_z", "patch_confidence", "lateral", "slice_gain",
        "reference", "transforms",
    ),
    "traces": ("F", "Fneu", "corrected", "dff", "motion_explained", "rois", "frames"),
}  # fmt: skip
SPOILT: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "a byte less": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "a bit turned": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "zeros": lambda content: bytes(len(content)),
    "a pickle": lambda _: b"\x80\x04cos\nsystem\n(S'true'\ntR.",
}
FILES = [(kind, role) for kind, roles in ROLES.items() for role in roles]


@pytest.mark.parametrize("kind", ROLES)
def test_files_that_were_spoilt(kind: str, copy_of: Callable[[str], Path]) -> None:
    manifest = copy_of(kind)

    def check(role: str, spoil: Callable[[bytes], bytes | None]) -> None:
        path = file_of(manifest, role)
        good = path.read_bytes()
        content = spoil(good)
        path.unlink() if content is None else path.write_bytes(content)
        try:
            refused(lambda: opened(manifest.parent))
        finally:
            path.write_bytes(good)

    each(
        (f"{role} {name}", partial(check, role, spoil))
        for role in ROLES[kind]
        for name, spoil in SPOILT.items()
    )


def file_of(manifest: Path, role: str) -> Path:
    return manifest.parent / json.loads(manifest.read_text())["files"][role]["name"]


def replaced(manifest: Path, role: str, content: bytes) -> None:
    """Put another file there, and sign it."""
    import hashlib

    file_of(manifest, role).write_bytes(content)

    def change(facts: dict[str, Any]) -> None:
        facts["files"][role]["size"] = len(content)
        facts["files"][role]["sha256"] = hashlib.sha256(content).hexdigest()

    edited(manifest, change)


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def others(role: str, before: bytes) -> Iterator[tuple[str, bytes]]:
    """Contents that a role can't have, in the right format."""
    if before[:2] == b"PK":
        with np.load(io.BytesIO(before)) as arrays:
            parts = {name: arrays[name] for name in arrays.files}
        for name, values in parts.items():
            for what, other in unlike(values):
                yield f"{name} {what}", npz({**parts, name: other})
            yield f"{name} gone", npz({k: v for k, v in parts.items() if k != name})
    elif before[:6] == b"\x93NUMPY":
        for what, other in unlike(np.load(io.BytesIO(before))):
            yield what, npy(other)
        yield "9.6 GB", npy(np.zeros(3, "f4")).replace(b"(3,)", b"(2400000000,)")
    elif before[:2] in (b"II", b"MM"):
        image = tifffile.imread(io.BytesIO(before))
        for what, other in unlike(image):
            if other.dtype.kind in "uif":
                file = io.BytesIO()
                tifffile.imwrite(file, other)
                yield what, file.getvalue()
        if before.startswith(b"II*\0"):  # classic, not BigTIFF
            yield "bits of no type", with_tag(before, 258, 7777)
            yield "numbers of no kind", with_tag(before, 339, 9)
    else:
        lines = before.decode().splitlines()
        yield "a row less", "\n".join(lines[:-1]).encode()
        yield "rows turned round", "\n".join([lines[0], *lines[:0:-1]]).encode()
        yield "a column less", "\n".join(line.rpartition(",")[0] for line in lines).encode()
        yield "no header", "\n".join(lines[1:]).encode()
        yield "a header alone", lines[0].encode()
        yield (
            "words",
            "\n".join(
                [lines[0], *(",".join(["word"] * (line.count(",") + 1)) for line in lines[1:])]
            ).encode(),
        )
        yield (
            "an unknown column",
            "\n".join([lines[0] + ",odd", *(line + ",1" for line in lines[1:])]).encode(),
        )
        yield "not UTF-8", before + b"\xff\xfe"
        yield "a cell of 200 kB", before.replace(b"0", b"0" * 200_000, 1)
        yield "a zero byte", before.replace(b"\n", b"\0\n", 2)


def unlike(values: Any) -> Iterator[tuple[str, Any]]:
    values = np.asarray(values)
    yield "of another type", np.full(values.shape, "word")
    yield "complex", values.astype(complex) if values.dtype.kind in "iuf" else np.zeros(3, complex)
    yield "another shape", np.zeros((3, 5, 7, 2), "f4")
    yield "of no dimension", np.float32(1)
    yield "empty", np.zeros(0, "f4")
    if values.dtype.kind == "f":
        yield "NaN", np.full(values.shape, np.nan, values.dtype)
        yield "infinite", np.full(values.shape, np.inf, values.dtype)
        yield "huge", np.full(values.shape, np.finfo(values.dtype).max, values.dtype)


def npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "role"), FILES)
def test_a_file_that_was_exchanged_and_signed(
    kind: str, role: str, copy_of: Callable[[str], Path]
) -> None:
    """A sentence, or a result that can be looked at; what isn't finite is no transform."""
    manifest = copy_of(kind)
    before = file_of(manifest, role).read_bytes()
    for what, content in others(role, before):
        replaced(manifest, role, content)
        try:
            opened(manifest.parent)
        except nza.InputError as error:
            check_sentence(str(error))
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        else:
            assert role != "transforms" or what not in ("NaN", "infinite"), what


def test_an_npz_that_claims_gigabytes(copy_of: Callable[[str], Path]) -> None:
    """It is refused before anything is allocated."""
    manifest = copy_of("z-stack")
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file_of(manifest, "transforms")) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in old.namelist():
            content = old.read(name)
            if "coefficients" in name:
                head = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 2, 30, 40)}
                made = io.BytesIO()
                np.lib.format.write_array_header_1_0(made, head)
                content = made.getvalue()
            archive.writestr(name, content)
    replaced(manifest, "transforms", file.getvalue())
    refused(lambda: opened(manifest.parent))


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_of_another_kind(
    kind: str, copy_of: Callable[[str], Path], saved_once: dict[str, Path]
) -> None:
    manifest = copy_of(kind)

    def check(other: str) -> None:
        shutil.copy(saved_once[other] / KINDS[other][1], manifest)
        refused(lambda: opened(manifest.parent))

    each((other, partial(check, other)) for other in KINDS if other != kind)


@pytest.mark.parametrize("name", ["0.zalign", "run.json", "a.zalign", "b"])
def test_a_session_without_a_member(name: str, copy_of: Callable[[str], Path]) -> None:
    manifest = copy_of("session")
    member = manifest.parent / json.loads(manifest.read_text())["recordings"][0]["folder"]
    if name == "run.json":
        (member / "run.json").unlink()
    else:
        member.rename(manifest.parent / f"moved {name}")
    refused(lambda: opened(manifest.parent))


# -- tables of ROIs ----------------------------------------------------------------------------

GOOD_ROWS = "id,y,x,radius\n1,10,12,3\n2,20,22,4\n"
TABLES: dict[str, bytes] = {
    "nothing": b"", "a blank": b" ", "line breaks": b"\n\n\n", "zeros": bytes(100),
    "no header": b"1,10,12,3\n2,20,22,4\n", "a header alone, misspelt": b"id,y,x,radios\n",
    "no radius": b"id,y,x\n1,2,3\n",
    "an id twice": b"id,y,x,radius\n1,1,2,3\n1,4,5,6\n", "id 0": b"id,y,x,radius\n0,1,2,3\n",
    "id -1": b"id,y,x,radius\n-1,1,2,3\n", "id 1.5": b"id,y,x,radius\n1.5,1,2,3\n",
    "id NaN": b"id,y,x,radius\nnan,1,2,3\n", "id inf": b"id,y,x,radius\ninf,1,2,3\n",
    "id of a word": b"id,y,x,radius\none,1,2,3\n", "id too large": b"id,y,x,radius\n1e300,1,2,3\n",
    "id of 30 digits": b"id,y,x,radius\n" + b"9" * 30 + b",1,2,3\n", "no id in a row": b"id,y,x,radius\n,1,2,3\n",
    "y of a word": b"id,y,x,radius\n1,up,2,3\n", "y NaN": b"id,y,x,radius\n1,nan,2,3\n",
    "x inf": b"id,y,x,radius\n1,1,inf,3\n", "radius 0": b"id,y,x,radius\n1,1,2,0\n",
    "radius -3": b"id,y,x,radius\n1,1,2,-3\n", "radius NaN": b"id,y,x,radius\n1,1,2,nan\n",
    "radius missing": b"id,y,x,radius\n1,1,2,\n", "commas for points": b"id,y,x,radius\n1,1,5,2,5,3\n",
    "a cell too few": b"id,y,x,radius\n1,1,2\n", "a cell too many": b"id,y,x,radius\n1,1,2,3,4\n",
    "a column twice": b"id,y,x,radius,y\n1,1,2,3,4\n",
    "an open quote": b'id,y,x,radius\n1,1,2,"3\n4,5,6,7\n',
    "a zero byte": b"id,y,x,radius\n1,1,2,3\0\n", "a cell of 200 kB": b"id,y,x,radius\n1,1,2," + b"3" * 200_000,
    "slices of words": b"id,y,x,radius,first_slice,last_slice\n1,1,2,3,a,b\n",
    "slices turned round": b"id,y,x,radius,first_slice,last_slice\n1,1,2,3,4,2\n",
    "slices below 0": b"id,y,x,radius,first_slice,last_slice\n1,1,2,3,-4,-2\n",
    "slices of halves": b"id,y,x,radius,first_slice,last_slice\n1,1,2,3,0.5,1.5\n",
    "slices NaN": b"id,y,x,radius,first_slice,last_slice\n1,1,2,3,nan,nan\n",
    "last id of a word": b"id,y,x,radius,last_id\n1,1,2,3,many\n",
    "an image": b"II*\0" + bytes(100), "JSON": b'{"id": 1}', "a pickle": b"\x80\x04]\x94.",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_holds_no_rois(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rois.csv"
    path.write_bytes(TABLES[name])
    refused(lambda: nza.load_rois(path))


NO_ROIS: dict[str, Any] = {
    "nothing": None, "a number": 3, "a word": "abc", "words": [["a", "b", "c"]],
    "a line": [1.0, 2.0, 3.0], "two columns": [[1, 2]], "four columns": [[1, 2, 3, 4]],
    "unlike rows": [[1, 2, 3], [1, 2]], "NaN": [[np.nan, 1, 2]], "infinity": [[np.inf, 1, 2]],
    "radius 0": [[1, 2, 0]], "radius -1": [[1, 2, -1]], "radius NaN": [[1, 2, np.nan]],
    "complex": np.ones((2, 3), complex), "three dimensions": np.ones((2, 3, 3)),
    "a dictionary": {"y": 1}, "dates": np.ones((2, 3), "M8[s]"), "null in a row": [[1, 2, None]],
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ROIS)
def test_an_array_that_holds_no_rois(name: str) -> None:
    refused(lambda: nza.Rois.of(NO_ROIS[name]))


OPTIONS: dict[str, dict[str, Any]] = {
    "ids of words": {"ids": ["a", "b"]}, "ids of halves": {"ids": [1.5, 2]}, "too few ids": {"ids": [1]},
    "ids NaN": {"ids": [np.nan, 1]}, "ids twice": {"ids": [1, 1]}, "ids of 0": {"ids": [0, 1]},
    "ids below 0": {"ids": [-1, 1]}, "ids of two dimensions": {"ids": [[1, 2]]}, "an id": {"ids": 3},
    "ids infinite": {"ids": [np.inf, 1]}, "ids null": {"ids": [None, 1]},
    "slices of words": {"slices": [["a", "b"], ["c", "d"]]}, "too few slices": {"slices": [[0, 1]]},
    "slices turned round": {"slices": [[3, 1], [0, 1]]}, "slices below 0": {"slices": [[-3, 1], [0, 1]]},
    "slices of one number": {"slices": 3}, "slices of unlike rows": {"slices": [[0, 1], [1]]},
    "a feature too short": {"features": {"a": [1]}}, "a feature of two dimensions": {"features": {"a": [[1], [2]]}},
    "a feature of unlike rows": {"features": {"a": [[1], [2, 3]]}}, "features of no kind": {"features": 3},
    "a last id of a word": {"last_id": "many"}, "a last id of a half": {"last_id": 1.5},
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_what_cannot_belong_to_rois(name: str) -> None:
    refused(lambda: nza.Rois.of([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], **OPTIONS[name]))


def test_the_tables_of_this_module_hold_good_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "rois.csv"
    path.write_text(GOOD_ROWS)
    assert len(nza.load_rois(path)) == 2
    assert len(nza.load_rois(rois(1).save(tmp_path / "more.csv"))) == 5


def test_features_that_look_like_formulas_come_back(tmp_path: Path) -> None:
    texts = ["=1+1", "@x", "fine"]
    made = nza.Rois.of(
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]], features={"=note": texts, "n": [-1, 2, 3]}
    )
    path = made.save(tmp_path / "rois.csv")
    assert not [line for line in path.read_text().split(",") if line.startswith("=")]
    found = nza.load_rois(path)
    assert found.features["=note"].tolist() == texts
    assert found.features["n"].tolist() == [-1, 2, 3]
