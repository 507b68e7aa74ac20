"""A project: all that is open and was made of it, saved as one folder and reopened whole.

``project.json`` lists the members, ordinary saved results in the same folder. A member is never
changed: what is new gets a name of its own, and then ``project.json`` is replaced in one step. So
the folder holds the old project or the new one, and what has not changed is not written again.
"""

from napari_zstack_align.project.folder import ProjectFolder, remove_project
from napari_zstack_align.project.opening import load_project
from napari_zstack_align.project.project import NamedMask, NamedRun, Project

__all__ = ["NamedMask", "NamedRun", "Project", "ProjectFolder", "load_project", "remove_project"]
