"""The code for Lambda: the runtime, the project and its requirements, as a reproducible zip."""
