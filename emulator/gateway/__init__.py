"""API Gateway: rules of WebSocket APIs without I/O and their shell; beside them HTTP APIs, REST APIs and templates."""
