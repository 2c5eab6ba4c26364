"""Where an emulator is, and whose, unless something says otherwise. Pure data."""

from __future__ import annotations

from typing import Final

REGION: Final = "us-east-1"
ACCOUNT_ID: Final = "123456789012"
"""The account of AWS's examples, which is nobody's."""
