"""A plugin for Binoc that compares SQLite databases; Binoc loads it when it is installed."""
