"""Pure checks: functions from observations to findings, without side effects."""
