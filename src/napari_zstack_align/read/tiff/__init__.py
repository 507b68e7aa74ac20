"""TIFF: pages found without parsing each, ordered by axes or OME-XML, read as plain bytes."""
