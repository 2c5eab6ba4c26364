"""The life of a queued request: its states, the events that run it, when it is tried again."""
