"""HDF5: datasets that hold frames, and NWB's imaging series."""
