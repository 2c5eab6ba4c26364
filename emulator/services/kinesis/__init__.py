"""Kinesis of our own: streams, and what they are asked over HTTP; functions that read them get records at once."""
