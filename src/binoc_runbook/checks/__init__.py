"""Questions without side effects: each looks at what it is given and answers with findings."""
