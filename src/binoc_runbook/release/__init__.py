"""The release and its verification: parameters, runs, records, and the preparation of a new version."""
