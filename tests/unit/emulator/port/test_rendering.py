"""When an answer was made stands in it, as in every answer of AWS."""

import pytest

from emulator.port.http import HttpResponse
from emulator.port.rendering import head_of_stream, http_date, render

AT = 784_111_777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
"""RFC 9110, 5.6.7."""


def test_a_date_is_written_as_headers_have_it() -> None:
    assert http_date(AT) == DATE


def test_an_answer_says_its_date() -> None:
    assert (
        render(HttpResponse(204), AT)
        == f"HTTP/1.1 204 No Content\r\nDate: {DATE}\r\nconnection: keep-alive\r\n\r\n".encode()
    )
    assert f"\r\nDate: {DATE}\r\n".encode() in head_of_stream(HttpResponse(200), AT, in_chunks=True, keep_alive=True)


@pytest.mark.parametrize("name", ["Date", "date"])
def test_one_that_says_it_itself_says_it_once(name: str) -> None:
    rendered = render(HttpResponse(200, headers=((name, "now"),)), AT)

    assert rendered.lower().count(b"\r\ndate: ") == 1
    assert f"\r\n{name}: now\r\n".encode() in rendered
