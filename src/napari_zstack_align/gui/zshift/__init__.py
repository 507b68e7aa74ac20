"""The tab 'Z-shift': at which depth of a z-stack each frame of a recording was taken."""
