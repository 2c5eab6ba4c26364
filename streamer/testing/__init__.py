"""For tests of services: a whole service in memory, doubles of its parts, and the events that AWS sends.

The quickest way to test actions is a `LocalService`; it runs the real router and processor without sockets or AWS::

    def test_greet() -> None:
        with LocalService(app) as service:
            client = service.connect(user_id="ada")

            assert client.call("greet", {"name": "Ada"}) == {"hello": "Ada"}

For tests over real sockets, the pytest plugin starts an emulator.
"""

from streamer.requests.runs import run_event
from streamer.testing.doubles import NOW, FakeClock, FakeContext, RecordingDispatcher, RecordingSender
from streamer.testing.events import connect_event, disconnect_event, message_event, stream_event
from streamer.testing.handlers import Handlers
from streamer.testing.local import LocalConnection, LocalService, RequestFailed

__all__ = [
    "NOW",
    "FakeClock",
    "FakeContext",
    "Handlers",
    "LocalConnection",
    "LocalService",
    "RecordingDispatcher",
    "RecordingSender",
    "RequestFailed",
    "connect_event",
    "disconnect_event",
    "message_event",
    "run_event",
    "stream_event",
]
