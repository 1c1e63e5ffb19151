"""Built files: build them, inspect them, try them as users do, and attach them to a GitHub release."""
