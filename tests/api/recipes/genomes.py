"""What cached values are loaded on, and calculations that keep account of their runs."""


class Genome:
    """What users load attributes on."""


def calculated(account, value, name="calc"):
    """A calculation that keeps account of its runs."""

    def calc():
        account.ran(name)
        return value

    return calc
