"""Report: defines the events of a run, and shows or stores them with listeners."""
