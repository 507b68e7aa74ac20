"""`Alignment`: the transforms of every frame, and all that is evaluated from them."""
