"""Lambda's management API: functions, their versions, layers, addresses, settings and event source mappings."""
