"""Functions: fingerprints functions by their code, defaults and captured values."""


def __getattr__(name: str) -> object:
    """Return the definition `name` of the module that this folder replaced; old pickles need it."""
    from ppg_invariants.engine_names import old_definition  # noqa: PLC0415 (only old pickles need it)

    return old_definition(__name__, name)
