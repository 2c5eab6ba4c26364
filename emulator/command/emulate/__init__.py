"""``streamer emulate`` itself: what it starts, serves and tells, and the keys it listens to."""
