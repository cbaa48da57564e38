"""Process: many files, one after another or several at a time."""
