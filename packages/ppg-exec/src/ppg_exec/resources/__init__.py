"""Resources: cores and memory, and how runs share them."""
