"""``zstack-align``: the parser, and errors as one sentence.

Exit codes: 0 done, 1 incomplete, 2 bad input.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

from napari_zstack_align._version import __version__
from napari_zstack_align.cli import (
    adaptive,
    batch,
    blobs,
    demo,
    export,
    info,
    keypoints,
    traces,
    view,
    zshift,
)
from napari_zstack_align.errors import Cancelled, InputError, ZstackAlignError

COMMANDS = (demo, info, adaptive, keypoints, batch, blobs, traces, zshift, export, view)

DONE, INCOMPLETE, BAD_INPUT = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """Tells of wrong arguments like of any other bad input."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help).")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="zstack-align",
        description="Align 2-photon z-stacks and recordings.",
        epilog="Exit code: 0 done, 1 incomplete, 2 bad input.",
    )
    parser.add_argument("--version", action="version", version=f"zstack-align {__version__}")
    parser.add_argument("--verbose", action="store_true", help="say more of what is being done")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 done, 1 incomplete, 2 bad input.
    """
    try:
        args = make_parser().parse_args(argv)
        level = logging.INFO if args.verbose else logging.WARNING
        logging.basicConfig(level=level, format="%(message)s")
        complete: bool = args.run(args)
    except InputError as error:
        return _tell(str(error), BAD_INPUT)
    except Cancelled:
        return _tell("Cancelled; nothing was written.", INCOMPLETE)
    except ZstackAlignError as error:
        return _tell(str(error), INCOMPLETE)
    except KeyboardInterrupt:
        return _tell("Cancelled.", INCOMPLETE)
    return DONE if complete else INCOMPLETE


def _tell(sentence: str, code: int) -> int:
    print(f"zstack-align: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
