"""napari-zstack-align."""
