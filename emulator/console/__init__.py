"""The console: records what passes through the emulator, tells it over HTTP, and shows it in a browser or as text."""
