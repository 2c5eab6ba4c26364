"""Asynchronous request processing over WebSockets on AWS, developed entirely offline."""
