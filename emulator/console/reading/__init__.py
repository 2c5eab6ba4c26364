"""Reads records: told as JSON or as lines, followed from a message to all that came of it, counted and judged. Pure."""
