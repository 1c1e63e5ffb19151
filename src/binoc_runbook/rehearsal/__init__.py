"""Rehearsals: local stand-ins for the remote, GitHub and the registries, and the workflow runner."""
