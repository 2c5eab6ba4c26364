"""What commands know of the project they are called in: its emulator that runs, its developer, its keys."""
