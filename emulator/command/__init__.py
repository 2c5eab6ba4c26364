"""What `streamer emulate` adds to the emulator: options, banner, reload, the files that tell other commands of it."""
