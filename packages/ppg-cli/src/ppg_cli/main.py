"""The ppg command."""


def main() -> None:
    """Run the command."""
