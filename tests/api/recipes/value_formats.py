"""A format of the user's own, for tests of stored values."""


class Lines:
    """Writes texts as lines, and enters each reading into an account."""

    def __init__(self, account, suffix=".lines"):
        self.account = account
        self.suffix = suffix

    def write(self, value, path):
        path.write_text("\n".join(value))

    def read(self, path):
        self.account.ran("read")
        return path.read_text().split()
