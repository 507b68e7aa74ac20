"""What doesn't come from tissue: pixels fixed to the detector, and pixels of single frames.

`search` looks at a few frames and returns `Artefacts`, which clean every frame that is read.
"""
