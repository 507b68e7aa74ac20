"""The napari panel; nothing in the core imports it."""
