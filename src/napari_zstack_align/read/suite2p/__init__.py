"""Suite2p: the binary of a plane, and the Python objects beside it, read without running them."""
