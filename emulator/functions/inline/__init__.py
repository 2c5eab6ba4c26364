"""Functions in threads of the emulator: quick to start, easy to debug, less like Lambda."""
