"""SQLite file: the room that connects to the file of the store, migrates, locks and repairs it."""
