"""Messages to connections: one (sender), those of a request or a tenant (hub), many (publisher); signed, over kept-alive HTTP."""
