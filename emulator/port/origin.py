"""Keeps web pages of other origins from calling the emulator's APIs through a developer's browser.

AWS needs no such rule, because nobody else has the developer's credentials there. Here, a page could otherwise post
to connections, invoke functions or read tables on 127.0.0.1: a browser sends "simple" requests anywhere, and a name
that is rebound to 127.0.0.1 even makes it a same-origin request. AWS's Query protocol takes operations by GET, which a
picture or a link makes without an ``Origin``: browsers tell with ``Sec-Fetch-Site`` whose it is (Fetch Metadata).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from streamer.aws_limits import LOOPBACK

from .aws_names import SYNC, is_aws
from .http import HttpRequest, HttpResponse

OWN_SITES: Final = ("same-origin", "none")
"""``Sec-Fetch-Site`` of our own pages, and of what the user typed."""
BY_NAME_OF_CONTAINERS: Final = frozenset({"host.docker.internal", "host.containers.internal"})
"""Names under which containers find this machine; they resolve nowhere else."""


def foreign_origin(request: HttpRequest, address: str, allowed: Collection[str] = ()) -> HttpResponse | None:
    """A 403 for a request that a web page of another origin made, or that came under a foreign name; None: it may pass.

    ``address`` is the emulator's own ``host:port``, ``allowed`` are further names that lead to it.
    """
    host = request.fields.get("host", "")
    origin = request.fields.get("origin")
    if (_is_ours(host, address) or _name(host) in allowed) and (origin is None or _authority(origin) == host):
        return None
    return _forbidden(origin or host, address)


def foreign_page(request: HttpRequest, address: str, allowed: Collection[str] = ()) -> HttpResponse | None:
    """As `foreign_origin`, of requests that carry no ``Origin``, too: pictures, scripts and links of other pages."""
    foreign = foreign_origin(request, address, allowed)
    if foreign is not None or is_own_site(request):
        return foreign
    return _forbidden("another page", address)


def is_own_site(request: HttpRequest) -> bool:
    """Whether no page of another origin made a request, as far as a browser tells; programs tell nothing."""
    return request.fields.get("sec-fetch-site", "none") in OWN_SITES


def foreign_host(request: HttpRequest, address: str) -> HttpResponse | None:
    """A 403 for a request that came under a foreign name, whatever page made it; None: it may pass."""
    host = request.fields.get("host", "")
    return None if _is_ours(host, address) else _forbidden(host, address)


def _forbidden(name: str, address: str) -> HttpResponse:
    return HttpResponse.of_json(
        403,
        {"message": f"Forbidden: {name} may not call the emulator's APIs; they answer to {address} only"},
        ("x-amzn-ErrorType", "ForbiddenException"),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that is listened on."""
    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name, which may lead anywhere
        return False


def is_of_this_machine(origin: str) -> bool:
    """Whether a page comes from a server of this machine, whatever its port."""
    name = _name(_authority(origin))
    return is_loopback(name) or name.endswith(".localhost")


def _is_ours(host: str, address: str) -> bool:
    name = _name(host).removeprefix(SYNC)
    if is_aws(name):  # nobody but AWS can rebind it
        return True
    if name in LOOPBACK or name in BY_NAME_OF_CONTAINERS or name.endswith(".localhost") or name == _name(address):
        return True
    try:
        # Only a name can be rebound; with --host 0.0.0.0 the machine has more addresses than we know.
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as half an IPv6 address
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
