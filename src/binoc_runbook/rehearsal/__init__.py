"""Rehearsals: a local remote, local servers for GitHub and the registries, and a workflow runner."""
