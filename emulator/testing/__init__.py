"""An emulator for tests: on a thread of its own, and as fixtures of pytest."""
