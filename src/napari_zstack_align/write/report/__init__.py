"""A report of an alignment: one HTML file that needs no other, to be kept with the data."""
