"""A certificate authority of the emulator's own, kept in its folder so that clients can be told to trust it once."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from streamer.aws_limits import LOOPBACK
from streamer.errors import ConfigurationError

from ..foundation import log
from ..foundation.files import PRIVATE, regular, write_whole
from ..foundation.place import REGION
from .aws_names import certificate_names, region_of

_MOST_TOLD: Final = 16
"""Regions that are told of."""


class Authority(Struct, frozen=True):
    """The files of the emulator's certificate authority."""

    ca_file: Path
    """The authority's certificate alone: for ``NODE_EXTRA_CA_CERTS`` and clients that add to what they trust."""
    bundle_file: Path
    """The public authorities and ours: for ``AWS_CA_BUNDLE``, which replaces what a client trusts."""
    server_file: Path
    """The server's key and certificate chain; mode 0600."""

    @property
    def names_file(self) -> Path:
        """For whom the certificate is, a line each."""
        return self.server_file.with_name(self.server_file.name.replace("-server.pem", "-names.txt"))

    def server_context(self, region: str = REGION) -> ssl.SSLContext:
        """What the front needs to speak TLS.

        A name of AWS's in another Region than ``region`` is told of in the log, where it is wanted first: it is not of
        the certificate, and all that its client says is that names do not match.

        Raises:
            ConfigurationError: the file is not what was written into it.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(regular(self.server_file))
        except OSError as error:
            text = f"{self.server_file} holds no usable certificate; delete it and new ones are made"
            raise ConfigurationError(text) from error
        # HTTP/2 is for clients that offer nothing else; the server's order counts.
        context.set_alpn_protocols(["http/1.1", "h2"])
        context.sni_callback = _elsewhere(region)
        return context


def authority(folder: Path, *, host: str = "127.0.0.1", region: str = REGION, names: tuple[str, ...] = ()) -> Authority:
    """The authority kept in ``folder``, made on first use, for ``host``, ``names`` and AWS's names of ``region``.

    Raises:
        ConfigurationError: the files cannot be written, or ``host`` is no host.
    """
    extra = (*(() if host in LOOPBACK else (host,)), *names)
    parts = ("tls", *((region,) if region != REGION else ()), *(each.replace(":", "_") for each in extra))
    stem = "-".join(parts)
    made = Authority(folder / f"{stem}-ca.pem", folder / f"{stem}-bundle.pem", folder / f"{stem}-server.pem")
    # OpenSSL takes no wildcard directly below a top-level name.
    everyone = (*LOOPBACK, *extra, *certificate_names(region))
    if not _is_made(made, everyone):
        try:
            _make(made, everyone)
        except ValueError as error:
            raise ConfigurationError(f"{host!r} is neither an address nor the name of a host") from error
        except OSError as error:
            raise ConfigurationError(f"certificates cannot be written to {folder}: {error.strerror}") from error
    return made


def _elsewhere(region: str) -> Callable[[ssl.SSLObject, str, ssl.SSLContext], None]:
    """Hears of the name that a client wants, before it is shown the certificate."""
    told: set[str] = set()

    def heard(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        other = None if name is None else region_of(name)
        if other not in (None, region, *told) and len(told) < _MOST_TOLD:
            told.add(str(other))
            text = f"what is asked for by a name of {other} is not here: all of this emulator is in {region}"
            log.warning(text, name=name)

    return heard


def _is_made(files: Authority, names: tuple[str, ...]) -> bool:
    """Whether all files are there, and for these names; a version before may have made them for fewer."""
    if not all(path.exists() for path in (files.ca_file, files.bundle_file, files.server_file)):
        return False
    return files.names_file.is_file() and files.names_file.read_text("ascii") == _lines(names)


def _lines(names: tuple[str, ...]) -> str:
    return "".join(f"{name}\n" for name in names)


def _make(files: Authority, names: tuple[str, ...]) -> None:
    import certifi  # noqa: PLC0415 - needed only the first time
    import trustme  # noqa: PLC0415 - needed only the first time: it imports cryptography

    ca = trustme.CA(organization_name="streamer emulator")
    server = ca.issue_cert(*names, common_name="streamer emulator")
    ca_pem = ca.cert_pem.bytes()
    write_whole(files.server_file, server.private_key_and_cert_chain_pem.bytes(), mode=PRIVATE)
    write_whole(files.bundle_file, Path(certifi.where()).read_bytes() + b"\n" + ca_pem, mode=0o644)
    write_whole(files.ca_file, ca_pem, mode=0o644)
    write_whole(files.names_file, _lines(names).encode("ascii"), mode=0o644)
