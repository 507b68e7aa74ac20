"""Formats whose packages come with an extra: a missing one is named together with the extra."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from napari_zstack_align.errors import InputError


def load_format(module: str, title: str, extra: str, package: str) -> ModuleType:
    """Import the module of a format.

    Parameters
    ----------
    module : str
        Full name of the module.
    title : str
        Of the format, for the message.
    extra, package : str
        Extra of this project that installs the package which the format needs; '' where the base
        installation is enough.

    Raises
    ------
    InputError
        Where the package isn't installed.
    """
    if package and find_spec(package) is None:
        raise InputError(
            f"The format '{title}' needs {package}, which isn't installed: "
            f"pip install 'napari-zstack-align[{extra}]'."
        )
    return import_module(module)
