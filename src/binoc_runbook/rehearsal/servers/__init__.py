"""Servers on localhost that real clients talk to: package index, crate registry, GitHub and its identity provider."""
