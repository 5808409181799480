"""Studies run on demand: what feature groups and encodings are worth, what a lag costs."""
