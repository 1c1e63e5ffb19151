"""Says what changed between two SQLite databases; a plugin that Binoc finds by itself."""
