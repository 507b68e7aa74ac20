"""Load, Mask and Align: a stack, and the alignment of a z-stack."""
