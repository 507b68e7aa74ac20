"""Turn off one step of the code at a time, and report the changes that no test notices.

The changes stand in ``scripts/mutants.toml``, each with the tests that should fail. A change whose
text is no longer found is an error, and so is a test that fails without any change.

    python scripts/mutants.py               # all
    python scripts/mutants.py calibration   # those whose name holds this
    python scripts/mutants.py --check       # only whether every text is still there
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "scripts" / "mutants.toml"
TIMEOUT_S = 900
PASSED, FAILED = 0, 1
"""What pytest exits with."""


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


def outcome(tests: list[str], mutant: Mutant | None) -> tuple[int, str]:
    """Exit code and last lines of pytest over tests, with a change in the code or without."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            mutant.apply(source)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        environment = {**os.environ, "PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=ROOT / "tests",
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return FAILED, "timed out"
        return done.returncode, "\n".join(done.stdout.splitlines()[-15:])


def verdict(mutant: Mutant) -> str:
    """'killed', 'SURVIVED' or what else happened."""
    start = time.monotonic()
    code, end = outcome(list(mutant.tests), mutant)
    words = {PASSED: "SURVIVED", FAILED: "killed"}.get(code, f"BROKEN ({code})\n{end}")
    print(f"{words:9} {mutant.file}: {mutant.name} ({time.monotonic() - start:.0f} s)", flush=True)
    return words


def main() -> int:
    """Exit code: 0 where every change is noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="", help="only those whose name holds this")
    parser.add_argument("--check", action="store_true", help="run no test")
    asked = parser.parse_args()
    mutants = read_list(asked.name)
    if faults := [f"{m.name}: {fault}" for m in mutants if (fault := m.fault())]:
        print("\n".join(faults))
        return 1
    print(f"{len(mutants)} changes can be made.")
    if asked.check:
        return 0
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    code, end = outcome(tests, None)
    if code != PASSED:
        print(f"The tests fail on the code as it is:\n{end}")
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(verdict, mutants))
    killed = verdicts.count("killed")
    print(f"{killed} of {len(mutants)} changes are noticed by a test.")
    return 0 if killed == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
