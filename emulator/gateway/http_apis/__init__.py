"""HTTP APIs, REST APIs and function URLs, on the port of the WebSocket API that they stand beside."""
