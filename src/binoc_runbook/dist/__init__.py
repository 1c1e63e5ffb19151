"""Dists: build, inspection, smoke test, verification of crates, and the GitHub release."""
