"""What cfn-lint knows of AWS's resources, found without importing it: that takes longer than most tests do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

_FOUND = importlib.util.find_spec("cfnlint")
assert _FOUND is not None
assert _FOUND.origin is not None
DATA: Final = Path(_FOUND.origin).parent / "data"
SCHEMAS: Final = DATA / "schemas" / "resources"
"""AWS's own descriptions of types, one in a file."""
