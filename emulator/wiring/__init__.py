"""How the parts of an emulator are put together, and which of them answers a request."""
