"""Registration: from a Stack to an Alignment."""
