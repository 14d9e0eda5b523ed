"""Running a pipegraph: decide, execute, record, report."""

__all__: list[str] = []
