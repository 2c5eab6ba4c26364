"""The log as `streamer emulate` writes it: lines for people, JSON for programs, and where they go."""
