"""API Gateway's rules for WebSocket APIs, without I/O: values in, effects out. Pure."""
