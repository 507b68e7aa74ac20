"""See that napari finds the installed plugin and can import everything that its manifest names.

usage: check_plugin.py pyqt6|pyside6   the Qt binding that must be in use
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import qtpy
from npe2 import PluginManager

import napari_zstack_align

NAME = "napari-zstack-align"


def main(qt: str) -> None:
    """Exit with a sentence where something is missing."""
    if qtpy.API_NAME.lower() != qt:
        sys.exit(f"{qtpy.API_NAME} is in use, not {qt}.")
    manager = PluginManager.instance()
    manager.discover()
    commands = manager.get_manifest(NAME).contributions.commands or []
    if not commands:
        sys.exit(f"The manifest of {NAME} contributes no commands.")
    for command in commands:
        manager.commands.get(command.id)
    print(
        f"napari {version('napari')} with {qtpy.API_NAME} finds {NAME} "
        f"{napari_zstack_align.__version__}; its {len(commands)} commands can be imported."
    )


if __name__ == "__main__":
    main(sys.argv[1])
