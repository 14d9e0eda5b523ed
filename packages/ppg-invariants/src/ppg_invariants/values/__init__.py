"""Values: encodes parameters as canonical bytes, and decodes them."""
