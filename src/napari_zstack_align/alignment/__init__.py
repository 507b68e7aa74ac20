"""The result of a registration: transforms, aligned frames, quality, and the folder on disk."""
