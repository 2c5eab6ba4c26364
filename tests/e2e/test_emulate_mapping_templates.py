"""WebSocket routes whose integrations have mapping templates: MOCK, a function, a queue; by the real command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from running_command import Emulate, dial
from websockets.exceptions import InvalidStatus

TEMPLATE = Path(__file__).parents[1] / "templates" / "vtl"


def test_a_mock_answers_a_function_is_asked_and_a_queue_is_filled_by_templates(tmp_path: Path) -> None:
    folder = tmp_path / "chat"
    shutil.copytree(TEMPLATE, folder)

    with Emulate("template.yaml", folder=folder) as emulate:
        with pytest.raises(InvalidStatus) as refused:
            dial(emulate.url)
        assert refused.value.response.status_code == 403
        with dial(f"{emulate.url}?key=open") as connection:
            connection.send('{"action": "ping"}')
            answer = json.loads(connection.recv(timeout=60))
            assert answer["colour"] == "blue"
            assert len(answer["pong"]) == 16

            connection.send('{"action": "ask", "people": [{"name": "Ann"}, {"name": "Bob"}]}')
            assert connection.recv(timeout=60) == "Hello Ann and Bob!"

            connection.send('{"action": "queue", "text": "a & b"}')
            assert connection.recv(timeout=60) == 'done: "a & b"'
