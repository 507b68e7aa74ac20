"""What a person says of a file's frames: axes, layout, frames that are left out."""
