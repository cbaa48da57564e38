"""Review: look at what was found, correct it, keep who said what."""
