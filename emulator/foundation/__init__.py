"""What every room of the emulator stands on."""
