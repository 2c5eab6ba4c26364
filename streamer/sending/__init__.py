"""Messages to connections: to one (sender), of a request or a tenant (hub), to many (publisher)."""
