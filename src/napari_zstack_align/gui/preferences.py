"""What a person sets once, under Preferences > Z-stack align of napari.

napari makes the form from ``configurations`` in ``napari.yaml``, and keeps the values.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_zstack_align.write.writers import Takes, writers_of

PLUGIN = "napari-zstack-align"


@dataclass(frozen=True)
class Preferences:
    """What counts where nothing was set.

    Attributes
    ----------
    processors : int
        Processors that a job may use; 0 = all.
    frames_format : str
        Ending of the format that aligned frames are exported in unless another is chosen.
    """

    processors: int = 0
    frames_format: str = writers_of(Takes.MOVIE)[0].suffix


def preferences() -> Preferences:
    """Return what is set now."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:  # napari before 0.9 has no settings of plugins
        return Preferences()
    settings = get_plugin_settings().get(PLUGIN)
    if settings is None:  # the plugin is disabled, or wasn't found yet
        return Preferences()
    return Preferences(
        processors=settings.running.processors, frames_format=settings.exporting.frames_format
    )
