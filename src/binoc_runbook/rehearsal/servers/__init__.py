"""Servers on localhost for real clients: package index, crate registry, GitHub and its identity provider."""
