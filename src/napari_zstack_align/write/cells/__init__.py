"""ROIs and traces in files of other programs, one module a format."""
