"""Version: reads the versions of ppg's packages."""

from collections.abc import Iterator

__all__ = ["installed_versions"]

PACKAGES = ("ppg-cli", "ppg-api", "ppg-graph", "ppg-invariants", "ppg-exec")


def installed_versions() -> Iterator[tuple[str, str]]:
    """Return each package with its installed version."""
    from importlib.metadata import version  # noqa: PLC0415 (no other command needs it)

    for name in PACKAGES:
        yield name, version(name)
