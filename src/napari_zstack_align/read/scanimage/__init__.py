"""ScanImage: what its header says was recorded, and which page of its TIFF files is which frame."""
