"""Job output: the room for what user code prints, returns and raises, and for the descriptors that carry it."""
