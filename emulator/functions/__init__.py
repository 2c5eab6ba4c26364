"""Execution environments: functions run under Lambda's rules."""
