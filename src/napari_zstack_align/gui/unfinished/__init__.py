"""Runs of the panel that can go on after napari was closed, or was killed, in the middle.

Each run of frames from files has a folder, named by a hash of all that it is given: in it a journal
of what is finished, and a small project from which the panel sets the same run up again.
"""
