"""The tabs for recordings: a session of them, registered to one reference."""
