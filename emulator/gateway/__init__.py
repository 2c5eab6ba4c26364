"""API Gateway's WebSocket APIs: its rules, without I/O, and the shell that does what they decide."""
