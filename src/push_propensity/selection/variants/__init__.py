"""Studies of variants, run on demand: what feature groups, encodings and selections are worth."""
