"""Five pipelines, each with decorators and with classes: as a user writes them, and strictly typed."""
