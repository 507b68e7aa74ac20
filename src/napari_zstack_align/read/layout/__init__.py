"""What the frames themselves tell about their layout."""
