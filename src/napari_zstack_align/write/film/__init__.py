"""A film of an alignment: raw and aligned frames side by side, ROIs, and their traces."""
