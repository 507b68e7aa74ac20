"""Bruker (Prairie View): a folder of TIFF files and the XML that says which frame each holds."""
