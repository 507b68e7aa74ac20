"""How far a slice is moved against the one before it: as far as the repeats make it likely.

Slanted anatomy looks like motion, and persists from slice to slice, so that a chain that follows it
bends and leans what is still. The repeats are the only witness of how the tissue moves.
"""
