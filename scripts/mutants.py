"""Turn off one step of the code at a time, and report the changes that no test notices.

The changes stand in ``scripts/mutants.toml``, each with the tests that should fail. A change whose
text is no longer found is an error, and so is a test that fails without any change.

    python scripts/mutants.py               # all
    python scripts/mutants.py calibration   # those whose name holds this
    python scripts/mutants.py --check       # only whether every text is still there
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "scripts" / "mutants.toml"
PASSED, FAILED = 0, 1
"""What pytest exits with."""
PRELOADED = ["pytest", "cv2", "dask.array", "numba", "scipy.fft", "scipy.ndimage", "tifffile"]


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes
    ----------
    name : str
        What the change does.
    file : str
        In the package.
    old, new : str
        Text that stands there once, and what takes its place.
    tests : tuple of str
        In ``tests``, as pytest takes them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def fault(self) -> str:
        """Why the change can't be made; '' where it can."""
        path = ROOT / "src" / "napari_zstack_align" / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        found = path.read_text(encoding="utf-8").count(self.old)
        if found != 1:
            return f"{self.file} holds the text {found} times, not once: {self.old!r}"
        missing = [t for t in self.tests if not (ROOT / "tests" / t.split("::")[0]).exists()]
        return f"there is no test {missing[0]}" if missing else ""

    def apply(self, source: Path) -> None:
        """Make the change in a copy of ``src``."""
        path = source / "napari_zstack_align" / self.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def read_list(part_of_name: str) -> list[Mutant]:
    """Mutants of the list, those whose name holds a text."""
    with LIST.open("rb") as file:
        rows = tomllib.load(file)["mutant"]
    mutants = [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    return [mutant for mutant in mutants if part_of_name in mutant.name]


def run_tests(source: Path, tests: tuple[str, ...], log: Path) -> int:
    """Exit code of pytest over tests, with the package from a folder; its words go to a file."""
    import pytest

    for name in [name for name in sys.modules if name.split(".")[0] == "napari_zstack_align"]:
        del sys.modules[name]
    sys.path.insert(0, str(source))
    os.environ["PYTHONPATH"] = str(source)  # for the programs that tests start
    os.chdir(ROOT / "tests")
    if not any(test.startswith("gui") for test in tests):
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # napari's takes seconds
    with log.open("w") as file, redirect_stdout(file), redirect_stderr(file):
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))


def verdict(mutant: Mutant) -> str:
    """'killed', 'SURVIVED' or what else happened."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        source, log = Path(folder) / "src", Path(folder) / "log"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        mutant.apply(source)
        code = run_tests(source, mutant.tests, log)
        words = {PASSED: "SURVIVED", FAILED: "killed"}.get(code, f"BROKEN ({code})")
        if words.startswith("BROKEN"):
            words += "\n" + log.read_text()[-2000:]
    print(f"{words:9} {mutant.file}: {mutant.name} ({time.monotonic() - start:.0f} s)", flush=True)
    return words


def unchanged(mutants: list[Mutant]) -> str:
    """What the tests say without any change; '' where they pass."""
    tests = tuple(sorted({test for mutant in mutants for test in mutant.tests}))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        code = run_tests(ROOT / "src", tests, log)
        return "" if code == PASSED else log.read_text()[-2000:]


def processes() -> ProcessPoolExecutor:
    """A process for each task, which has imported what takes long."""
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(PRELOADED)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    return ProcessPoolExecutor(os.cpu_count(), context, max_tasks_per_child=1)


def main() -> int:
    """Exit code: 0 where every change is noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="", help="only those whose name holds this")
    parser.add_argument("--check", action="store_true", help="run no test")
    parser.add_argument("--trust", action="store_true", help="the tests are known to pass")
    asked = parser.parse_args()
    mutants = read_list(asked.name)
    if faults := [f"{m.name}: {fault}" for m in mutants if (fault := m.fault())]:
        print("\n".join(faults))
        return 1
    print(f"{len(mutants)} changes can be made.")
    if asked.check:
        return 0
    with processes() as pool:
        as_it_is = None if asked.trust else pool.submit(unchanged, mutants)
        verdicts = list(pool.map(verdict, mutants))
        if as_it_is is not None and (end := as_it_is.result()):
            print(f"The tests fail on the code as it is:\n{end}")
            return 1
    killed = verdicts.count("killed")
    print(f"{killed} of {len(mutants)} changes are noticed by a test.")
    return 0 if killed == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
