"""Keys for tokens of tests: to make one takes longer than most tests do, so each process makes each once."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

FIRST, SECOND = (rsa.generate_private_key(65537, 2048) for _ in range(2))
SMALL = rsa.generate_private_key(65537, 1024)
"""Smaller than what is accepted."""
