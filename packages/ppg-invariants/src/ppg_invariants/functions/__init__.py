"""Functions: fingerprints of functions."""


def __getattr__(name: str) -> object:
    """Look up what the module of this name had before it became a folder, for old pickles."""
    from ppg_invariants.engine_names import old_definition  # noqa: PLC0415 (only old pickles need it)

    return old_definition(__name__, name)
