"""What `emulator.port.h2_connection` relies on inside the library h2, version by version."""

from __future__ import annotations

from h2 import events
from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection, H2ConnectionStateMachine

from emulator.port.h2_connection import ServerConnection


def leaving_client() -> tuple[H2Connection, bytes]:
    """A client that asks for something, and says at once that it asks for nothing more."""
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    client.send_headers(1, [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")], True)
    return client, client.data_to_send() + b"\0\0\x08\x07" + bytes(13)


def test_the_library_takes_a_goaway_for_the_end() -> None:
    """Once it does not, our change can go."""
    key = (ConnectionState.SERVER_OPEN, ConnectionInputs.RECV_GOAWAY)

    assert H2ConnectionStateMachine._transitions[key] == (None, ConnectionState.CLOSED)


def test_an_answer_can_be_sent_after_a_goaway_and_nothing_said_before_is_lost() -> None:
    client, sent = leaving_client()
    server = ServerConnection()
    server.initiate_connection()

    heard = server.receive_data(sent)
    server.send_headers(1, [(":status", "200")], end_stream=True)
    answered = client.receive_data(server.data_to_send())

    assert [type(each) for each in heard if isinstance(each, events.ConnectionTerminated)] != []
    assert {events.SettingsAcknowledged, events.ResponseReceived, events.StreamEnded} <= {type(e) for e in answered}
