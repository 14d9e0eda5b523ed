"""Session: the room for what the script is in the midst of: its current pipegraph and its namespace."""


def __getattr__(name: str) -> object:
    """Return a name that the module `session` had before it became a folder, for old pickles."""
    from ppg_invariants import old_definition  # noqa: PLC0415 (job processes need none of it)

    return old_definition(__name__, name)
