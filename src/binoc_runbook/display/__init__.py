"""Text, terminal and diagram output of findings, plans and runs."""
