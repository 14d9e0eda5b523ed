"""Engine: the run loop."""
