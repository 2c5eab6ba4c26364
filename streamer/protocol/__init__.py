"""The wire protocol: messages and their parts, the answers that tell a request's state, topics. Pure."""
