"""The lines of a requirements file, as pip and uv read them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import BundleError


def lines_of(path: Path) -> list[str]:
    """What stands in a requirements file, without comments and with what a backslash leads on to; some are empty.

    Raises:
        BundleError: it is missing, or no text.
    """
    try:
        content = path.read_bytes()
        # As PowerShell writes what `pip freeze` says, and pip reads it.
        encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        return list(whole_lines(content.decode(encoding)))
    except FileNotFoundError as exc:
        raise BundleError(f"there is no requirements file {path}; name one in streamer.toml, or create it") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise BundleError(f"the requirements file {path} cannot be read: {exc}") from exc


def whole_lines(text: str) -> Iterator[str]:
    """The same of a text. A comment ends with its line, whatever it ends with.

    So uv 0.13 reads it, where pip 24 reads on after a comment behind a requirement, and loses the line below that.
    """
    begun = ""
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw)
        if line == raw and line.endswith("\\"):
            begun += line.removesuffix("\\")
        else:
            yield (begun + line).strip()
            begun = ""
    yield begun.strip()
