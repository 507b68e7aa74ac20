"""One project in the panel: collected from its parts, saved by itself, and opened whole."""
