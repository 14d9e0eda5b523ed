"""Values: canonical encodings of parameters."""
