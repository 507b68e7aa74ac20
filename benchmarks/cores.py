"""Frames a second of the alignment of a z-stack against the number of cores.

    python benchmarks/cores.py                         # 1 and 2 threads, 8 slices x 12 repeats
    python benchmarks/cores.py --threads 1 2 4 8 16    # where there are as many cores
    python benchmarks/cores.py --py-spy PATH           # also how much of the CPU time holds the GIL
    python benchmarks/cores.py --py-spy PATH --plot cores.svg

Every run is a fresh process on as many processors as threads. Where other programs run, look at the
CPU time: frames a second say nothing then. Must: two threads 1.8 times as fast as one, the volume
5 ms of CPU a frame, less than 120 MB over the input with two threads.

The model: what holds the GIL is done by one thread at a time, all else by as many as there are
(Amdahl 1967, AFIPS), and the chain from slice to slice is a step after the other. The share of the
GIL is measured with one thread: where threads wait for one another, or for other programs, samples
of one that holds the GIL and was put aside count as well.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from measure import limit_threads, memory_mb

MODEL_CORES = (1, 2, 4, 8, 16)
BEFORE = ("_find_and_load", "make_ready")
"""What imports, and loads compiled loops, once a process."""
IDLE = ("_worker (concurrent/futures/thread.py:8", "Condition.wait", "wait (threading")


def measure(threads: int, frames: str, repeats: int) -> dict[str, float]:
    """Figures of one alignment and its volume in this process."""
    limit_threads(threads)
    import numpy as np

    import napari_zstack_align as nza
    from napari_zstack_align.register.between_slices import Chain
    from napari_zstack_align.register.chain.pairs import Pairs

    chain_s = 0.0

    def timed(step):
        def wrapped(self, image):
            nonlocal chain_s
            begin = time.thread_time()
            result = step(self, image)
            chain_s += time.thread_time() - begin
            return result

        return wrapped

    for kind in (Chain, Pairs):
        if "next" in vars(kind):
            kind.next = timed(kind.next)
    data = np.load(frames)

    def align(count: int) -> nza.Alignment:
        stack = nza.Stack.from_array(data[:count], frames_per_slice=repeats, order="repeats")
        return nza.run(nza.align_adaptive(stack, threads=threads))

    align(repeats).volume().compute()  # imports on demand
    chain_s, before = 0.0, memory_mb("VmRSS")
    cpu, start = _cpu_s(), time.perf_counter()
    alignment = align(len(data))
    aligned, seconds = _cpu_s(), time.perf_counter() - start
    alignment.volume().compute(num_workers=threads)
    n = len(data)
    return {
        "frames_per_s": n / seconds,
        "cpu_ms": 1000 * (aligned - cpu) / n,
        "volume_cpu_ms": 1000 * (_cpu_s() - aligned) / n,
        "chain_ms": 1000 * chain_s / n,
        "peak_mb": memory_mb("VmHWM") - before,
    }


def gil_share(py_spy: Path, arguments: Sequence[str]) -> float:
    """Part of the CPU time of a one-thread run, imports left out, during which it holds the GIL."""
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        for flags in (["--gil"], []):
            out = Path(folder) / "samples"
            command = [py_spy, "record", *flags, "-r", "100", "-f", "raw", "-o", out, "--"]
            subprocess.run([*command, *arguments], check=True, capture_output=True)
            samples.append(sum(_working(line) for line in out.read_text().splitlines()))
    return samples[0] / samples[1]


def _working(line: str) -> int:
    """Samples of a line of py-spy that belong to the alignment."""
    stack, count = line.rsplit(" ", 1)
    frames = stack.split(";")
    is_ours = any("_align" in frame or "_worker" in frame for frame in frames)
    is_idle = frames[-1].startswith(IDLE) or any(each in stack for each in BEFORE)
    return int(count) if is_ours and not is_idle else 0


def modelled(cpu_ms: float, gil_ms: float, chain_ms: float, cores: int) -> float:
    """Frames a second on a number of cores."""
    return 1000 / max(gil_ms + (cpu_ms - gil_ms) / cores, chain_ms)


def plot(path: Path, measured: dict[int, float], model: dict[int, float]) -> None:
    """Draw frames a second against cores as SVG."""
    top = 1.1 * max(*measured.values(), *model.values())

    def place(cores: float, speed: float) -> str:
        return f"{60 + 24 * cores:.1f},{260 - 220 * speed / top:.1f}"

    line = " ".join(place(*point) for point in model.items())
    dots = [place(*point).split(",") for point in measured.items()]
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="310" font-family="sans-serif" '
        'font-size="12"><rect width="480" height="310" fill="white"/>',
        f'<polyline points="{line}" fill="none" stroke="#888" stroke-dasharray="5 4"/>',
        *(f'<circle cx="{x}" cy="{y}" r="4" fill="#06c"/>' for x, y in dots),
        '<path d="M60 40V260H460" fill="none" stroke="black"/>',
        *(f'<text x="{60 + 24 * n}" y="276" text-anchor="middle">{n}</text>' for n in model),
        *(
            f'<text x="54" y="{264 - 220 * part:.0f}" text-anchor="end">{part * top:.0f}</text>'
            for part in (0, 0.25, 0.5, 0.75, 1)
        ),
        '<text x="260" y="298" text-anchor="middle">cores</text>',
        '<text x="60" y="24">frames/s: measured (dots), model (dashed)</text></svg>',
    ]
    path.write_text("\n".join(parts) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--py-spy", type=Path, help="the program of that name")
    parser.add_argument("--plot", type=Path, help="with --py-spy: write an SVG here")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.threads[0], asked.measure, asked.repeats)))
        return
    with tempfile.TemporaryDirectory() as folder:
        frames = str(Path(folder) / "frames.npy")
        _write(frames, asked)
        own = [sys.executable, __file__, "--repeats", str(asked.repeats), "--measure", frames]
        rows = {}
        for threads in asked.threads:
            done = subprocess.run(
                [*own, "--threads", str(threads)], check=True, stdout=subprocess.PIPE, text=True
            )
            rows[threads] = json.loads(done.stdout.splitlines()[-1])
            if len(rows) == 1:
                print(f"{'threads':>8}" + "".join(f"{name:>15}" for name in rows[threads]))
            print(
                f"{threads:8}" + "".join(f"{v:15.1f}" for v in rows[threads].values()), flush=True
            )
        if not asked.py_spy:
            return
        share = gil_share(asked.py_spy, [*own, "--threads", "1"])
    one = rows[asked.threads[0]]
    speed = {
        n: modelled(one["cpu_ms"], share * one["cpu_ms"], one["chain_ms"], n) for n in MODEL_CORES
    }
    print(f"GIL: {100 * share:.0f} % of the CPU time of one thread")
    print("model, frames/s: " + ", ".join(f"{n} cores {v:.0f}" for n, v in speed.items()))
    if asked.plot:
        plot(asked.plot, {n: row["frames_per_s"] for n, row in rows.items()}, speed)


def _write(path: str, asked: argparse.Namespace) -> None:
    import numpy as np

    from napari_zstack_align.samples import zstack_with_repeats

    stack = zstack_with_repeats(
        seed=101, n_slices=asked.slices, n_repeats=asked.repeats, size=asked.size
    ).stack
    np.save(path, stack.read(0, stack.n_frames)[:, 0])


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
