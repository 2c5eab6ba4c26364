"""Opens the console in a browser, without its token in an argument list, which every user of the machine can read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

from ..foundation.files import write_whole
from .access import PREFIX

FILE: Final = "console.html"
"""A page that leads to the console; readable by its owner only, as the token in it demands."""


def page_url(url: str, token: str) -> str:
    """Where the console is; the token stands in the fragment, which no server and no log gets to see."""
    return f"{url}{PREFIX}/#token={token}"


def open_url(folder: Path, url: str) -> bool:
    """Open a `page_url` by a page in ``folder`` that leads there; False: there is no browser.

    Raises:
        ConfigurationError: the page cannot be written.
    """
    import html  # noqa: PLC0415 - every start knows the address, and few open it
    import webbrowser  # noqa: PLC0415

    path = folder / FILE
    leads = f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">'
    page = f'<!doctype html><meta charset="utf-8">{leads}<title>streamer</title>'
    try:
        write_whole(path, page.encode(), mode=0o600)
    except OSError as error:
        raise ConfigurationError(f"the page {path} cannot be written ({error.strerror})") from error
    return webbrowser.open(path.absolute().as_uri())
