"""Records, files and splits of the data set, and how it is fetched."""
