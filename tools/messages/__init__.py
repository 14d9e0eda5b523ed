"""Messages: checks that each message to users names its job and its remedy, and lists all of them.

The messages come from the sources of the packages. `messages.toml` says of each which job it names, and what of it is
the remedy; a message without an entry is a gap, and an entry without a message is stale.
"""

__all__: list[str] = []
