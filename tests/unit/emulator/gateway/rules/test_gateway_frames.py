from __future__ import annotations

import json
from pathlib import Path

from emulator.gateway.rules.error_frames import (
    ENDPOINT_TIMED_OUT,
    FORBIDDEN,
    INTERNAL_SERVER_ERROR,
    bad_request_frame,
    error_frame,
)

FRAMES = json.loads((Path(__file__).parents[4] / "events" / "error_frames.json").read_text())


def test_error_frames_are_awss_byte_for_byte() -> None:
    made = {
        "no_route_and_no_default": error_frame(FORBIDDEN, "cyAFWeWQjoECqNQ=", "cyAGdFiIjoEFavA="),
        "handler_raised_or_malformed_response": error_frame(
            INTERNAL_SERVER_ERROR, "cyAFWeWQjoECqNQ=", "cyAGdFiIjoEFavA="
        ),
        "integration_timeout": error_frame(ENDPOINT_TIMED_OUT, "cyAFWeWQjoECqNQ=", "cyAGdFiIjoEFavA="),
        "model_validation_failed": bad_request_frame("cyAFWeWQjoECqNQ=", "cyAGdc4_DoECqNQ="),
    }

    assert made == FRAMES


def test_error_frames_have_one_blank_and_no_newline() -> None:
    assert error_frame("Forbidden", "C", "R") == '{"message": "Forbidden", "connectionId":"C", "requestId":"R"}'


def test_the_bad_request_frame_has_blanks_of_its_own() -> None:
    expected = '{"message" : "Bad request body", "connectionId": "C", "messageId": "M"}'

    assert bad_request_frame("C", "M") == expected
