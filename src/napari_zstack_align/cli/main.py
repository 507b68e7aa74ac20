"""``zstack-align``: the parser, and errors as one sentence.

Exit codes: 0 done, 1 incomplete, 2 bad input, 3 stopped by a fault of this program or by
the system.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from napari_zstack_align._version import __version__
from napari_zstack_align.cli.allocator import give_back_large_blocks
from napari_zstack_align.cli.last_resort import fault_sentence, flush_or_hush, hush
from napari_zstack_align.cli.stopping import (
    at_safe_moments,
    end_with,
    stop_if_asked,
    stoppable,
)
from napari_zstack_align.errors import Cancelled, InputError, ZstackAlignError

COMMANDS = {
    "demo": "align a generated z-stack and show the volume",
    "info": "say what a file holds",
    "adaptive": "align a z-stack with repeats",
    "keypoints": "register recordings of one field of view",
    "batch": "register the recordings of many animals",
    "blobs": "find cells",
    "traces": "read the traces of cells, and ΔF/F",
    "zshift": "find the depth in a z-stack at which each frame of a recording was taken",
    "export": "write volumes, aligned frames, transforms, ROIs or traces for other programs",
    "report": "write a page on how an alignment came out",
    "film": "write a film of an alignment: raw and aligned frames, ROIs and traces",
    "view": "open a stack, an alignment, a z-shift or a session in napari",
}
"""One line about each command; the module of that name is loaded when the command is chosen."""

STOPPED_ANYWHERE = (
    "Cancelled: what was finished, if anything, is kept; the same command again does the rest."
)
NOTHING_KEPT = (
    "Cancelled: nothing of an unfinished run is kept; the same command again starts from the "
    "beginning."
)
KEEP = ("adaptive", "keypoints", "batch", "traces", "zshift", "export")
"""Commands that keep what was finished when they are stopped."""
DONE, INCOMPLETE, BAD_INPUT, FAULT = 0, 1, 2, 3


class _Parser(argparse.ArgumentParser):
    """Tells of wrong arguments like of any other bad input."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help).")


def make_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the arguments of the chosen one.

    Parameters
    ----------
    chosen : str, optional
        A command. The others are only named, so that their modules needn't be loaded.
    """
    parser = _Parser(
        prog="zstack-align",
        description="Align 2-photon z-stacks and recordings.",
        epilog="Exit code: 0 done, 1 incomplete, 2 bad input, 3 stopped by a fault of this "
        "program or by the system (a log is named).",
    )
    parser.add_argument("--version", action="version", version=f"zstack-align {__version__}")
    parser.add_argument("--verbose", action="store_true", help="say more of what is being done")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does)
        if name == chosen:
            import_module(f"napari_zstack_align.cli.{name}").add_arguments(command)
    return parser


def chosen_command(argv: Sequence[str]) -> str | None:
    """Return the first argument that is no flag: none of the flags before it takes a value."""
    return next((argument for argument in argv if not argument.startswith("-")), None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 done, 1 incomplete, 2 bad input, 3 stopped by a fault of this program or by the system.
    """
    if argv is not None:
        return _main(argv)
    code = _main(sys.argv[1:])
    end_with(code)  # the process still takes a moment to leave
    return code


def _main(argv: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    try:
        with stoppable():
            complete = _run(argv)
    except InputError as error:
        return _tell(str(error), BAD_INPUT)
    except Cancelled:
        return _tell(
            "Cancelled: nothing was written; the same command again starts from the beginning.",
            INCOMPLETE,
        )
    except ZstackAlignError as error:
        return _tell(str(error), INCOMPLETE)
    except KeyboardInterrupt:
        keeps = chosen_command(argv) in KEEP
        return _tell(STOPPED_ANYWHERE if keeps else NOTHING_KEPT, INCOMPLETE)
    except BrokenPipeError:  # what reads our words has seen enough
        hush()
        return INCOMPLETE
    except Exception as error:
        flush_or_hush()
        return _tell(fault_sentence(error, argv, chosen_command(argv) or "zstack-align"), FAULT)
    return DONE if complete else INCOMPLETE


def _parsed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; those of no command are told with the help of the one chosen."""
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        command = chosen_command(argv)
        of = f"{parser.prog} {command}" if command in COMMANDS else parser.prog
        raise InputError(f"unrecognized arguments: {' '.join(unknown)} (see {of} --help).")
    return args


def _run(argv: Sequence[str]) -> bool:
    """Run one command; return whether all of it was done."""
    _print_every_name()
    try:
        with at_safe_moments():
            parser = make_parser(chosen_command(argv))
        stop_if_asked()
    except KeyboardInterrupt:
        raise Cancelled from None
    args = _parsed(parser, argv)
    _check_paths(args)
    give_back_large_blocks()
    level = logging.INFO if args.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s")
    complete: bool = args.run(args)
    sys.stdout.flush()
    return complete


def _check_paths(args: argparse.Namespace) -> None:
    """Hold what any command writes apart from what it reads, before it begins."""
    from napari_zstack_align.cli.apart import check_arguments_apart  # the command has loaded it

    check_arguments_apart(args)


def _print_every_name() -> None:
    """Names of files needn't be text that the terminal can show: odd bytes are shown as codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _tell(sentence: str, code: int) -> int:
    if "`" in sentence:  # names a setting; else nothing more is loaded
        from napari_zstack_align.settings import in_flags

        sentence = in_flags(sentence)
    flush_or_hush()  # it is the last line where both streams go to one place
    print(f"zstack-align: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
