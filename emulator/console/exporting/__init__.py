"""Records outside the emulator: a file and what reads it, a failed test's report, a collector of OpenTelemetry."""
