"""What ``streamer emulate`` tells a user once everything accepts traffic."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from streamer.auth import mint
from streamer.sending.signer import ALGORITHM, TIMESTAMP, Signer, SigningKeys

from ...wiring.emulator import Emulator
from ..here.identity import IAM, OWN, Access
from ..targets.target import DEMO, Target

TOKEN_SECONDS: Final = 24 * 3600
ACTIONS: Final = 12
"""Most actions that are listed."""
CLOSED_TO_BROWSERS: Final = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)
"""Ports above 1023 that no browser connects to, without a word to the page why (Fetch standard, "bad port")."""
BOLD: Final = "\x1b[1m"
RESET: Final = "\x1b[0m"


def banner(
    emulator: Emulator, target: Target, access: Access, *, command: str, is_found: bool, is_terminal: bool
) -> str:
    """The lines to print, with a token to try the service with where we hold the secret that signs them.

    ``command`` is what starts streamer in this shell; ``is_found``, whether commands in this folder find this emulator
    rather than one that started before it.
    """
    if target.control is not None:
        return "\n".join([*_control_plane(emulator, target, is_terminal), "", "Stop with Ctrl-C."])
    url = emulator.websocket_url
    told = [] if target.template is None else ["", *target.template.lines()]
    told += [] if target.told is None else ["", target.told]
    lines = [
        f"{_bold('streamer', is_terminal)} emulates {_bold(target.name, is_terminal)}",
        *told,
        "",
        *(f"  WebSocket     {each}" for each in emulator.websocket_urls),
        *_domains(emulator),
        *(f"  {api.kind.value:<12}  {emulator.http_urls[api.name]}" for api in target.topology.http_apis),
        f"  @connections  {emulator.management_url}",
        f"  DynamoDB      {emulator.dynamodb_url}",
        *([] if emulator.console_url is None else [f"  Console       {emulator.console_url}"]),
        *([] if emulator.config.pages is None else [f"  page          {emulator.url}/"]),
        f"  TLS           the same port; trust {emulator.authority.ca_file}",
        *_closed_to_browsers((emulator.url, *emulator.websocket_urls)),
        "",
    ]
    lines += connecting(url, access, emulator.config.region)
    if access.secret is not None or (target.is_app and access.verifies_with == IAM):
        lines += [
            "",
            "Or call an action from another shell:",
            f"  {command} call "
            + ("echo '{\"a\": 1}'" if target.name == DEMO else "ping")
            + ("" if is_found else f" --url {url}"),
            *_actions(target),
        ]
    return "\n".join([*lines, "", "Stop with Ctrl-C."])


def _control_plane(emulator: Emulator, target: Target, is_terminal: bool) -> list[str]:
    """What deployment tools are to be told, in words for a shell."""
    keys = "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local"
    return [
        f"{_bold('streamer', is_terminal)} emulates {_bold(target.name, is_terminal)}",
        "",
        f"  AWS           {emulator.url}",
        *([] if emulator.console_url is None else [f"  Console       {emulator.console_url}"]),
        f"  TLS           the same port; trust {emulator.authority.ca_file}",
        *_closed_to_browsers((emulator.url,)),
        "",
        "Deploy to it from another shell, with sam, cdk, serverless, streamer or a script of your own:",
        f"  export AWS_ENDPOINT_URL={emulator.url} AWS_REGION={emulator.config.region} {keys}",
    ]


def _domains(emulator: Emulator) -> list[str]:
    """What stands here for addresses of custom domains."""
    found = [(each.name, each.path) for domains in emulator.config.domains.values() for each in domains]
    return [f"  domain        ws://{emulator.address}{path or '/'} for wss://{name}{path}" for name, path in found]


def _closed_to_browsers(urls: tuple[str, ...]) -> list[str]:
    ports = sorted({urlsplit(url).port or 0 for url in urls} & CLOSED_TO_BROWSERS)
    return [f"  note          no browser connects to port {port}: for pages, choose another --port" for port in ports]


def connecting(url: str, access: Access, region: str) -> list[str]:
    """The lines that say how to connect, with a new token where we hold the secret that signs them."""
    if access.secret is not None:
        token = minted(access.secret, access)
        who = f"Connect as {access.identity.user} of tenant {access.identity.tenant}, for 24 hours:"
        return [who, f"  wscat -c {_quoted(f'{url}?Authorization={token}')}"]
    if access.verifies_with == IAM:
        who = "Connect with a signed handshake (SigV4), as the account's owner, for 24 hours:"
        return [who, f"  wscat -c {_quoted(_signed(url, region, time.time()))}"]
    if access.verifies_with == OWN:
        return ["Connect:", f"  wscat -c {_quoted(url)}"]
    return [
        f"Connect with a token that your {access.verifies_with} verifies:",
        f"  wscat -c {_quoted(f'{url}?Authorization=TOKEN')}",
    ]


def _signed(url: str, region: str, now: float) -> str:
    """A URL with a signature in its query, by a key that the emulator takes for the account's owner's."""
    timestamp, address = time.strftime(TIMESTAMP, time.gmtime(now)), urlsplit(url)
    keys = SigningKeys("local", "local")
    said = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key_id}/{timestamp[:8]}/{region}/execute-api/aws4_request",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(TOKEN_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    query = urlencode(said, quote_via=quote, safe="")
    signer = Signer(keys, "execute-api", region)
    value = signer.signature("GET", address.path, query, {"host": address.netloc}, b"", timestamp=timestamp)
    return f"{url}?{query}&X-Amz-Signature={value}"


def _quoted(url: str) -> str:
    """A URL as shells take it unchanged; within `"` they would replace what follows the `$` of the stage `$default`."""
    return f"'{url}'" if "$" in url else f'"{url}"'


def minted(secret: str, access: Access, seconds: float = TOKEN_SECONDS) -> str:
    """A token of a developer, good for so long."""
    return mint(
        secret,
        user_id=access.identity.user,
        tenant_id=access.identity.tenant,
        permissions=access.identity.permissions,
        now=time.time(),
        expires_in_seconds=seconds,
        wanted=access.wanted,
    )


def _actions(target: Target) -> list[str]:
    if not target.actions:
        return []
    shown = ", ".join(target.actions[:ACTIONS])
    more = len(target.actions) - ACTIONS
    return ["", f"Actions: {shown}" + (f" and {more} more" if more > 0 else "")]


def _bold(text: str, is_terminal: bool) -> str:
    return f"{BOLD}{text}{RESET}" if is_terminal else text
