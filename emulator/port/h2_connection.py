"""What we use of the insides of the library h2: its connection, which goes on after the client's GOAWAY.

`tests/unit/emulator/port/test_h2_contract.py` holds what the change relies on.
"""

from __future__ import annotations

from typing import Final

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection, H2ConnectionStateMachine

_LEAVING: Final = (ConnectionState.SERVER_OPEN, ConnectionInputs.RECV_GOAWAY)


class _States(H2ConnectionStateMachine):
    # The library has no other way to say what a GOAWAY leads to.
    _transitions = H2ConnectionStateMachine._transitions | {_LEAVING: (None, ConnectionState.SERVER_OPEN)}  # noqa: SLF001


class ServerConnection(H2Connection):
    """The server's side of one connection.

    A client that says GOAWAY opens no more streams and waits for the answers of those that are open (RFC 9113, 6.8), as
    Node.js does when a session is closed; the library takes the connection for over, and forgets what it has to send.
    """

    def __init__(self) -> None:
        super().__init__(H2Configuration(client_side=False, header_encoding="latin-1"))
        self.state_machine = _States()

    def clear_outbound_data_buffer(self) -> None:
        """Keep it: the library clears it for a GOAWAY only."""
