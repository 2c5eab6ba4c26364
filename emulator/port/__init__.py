"""The one port: plain and TLS, HTTP and WebSocket, and who may speak to it."""
