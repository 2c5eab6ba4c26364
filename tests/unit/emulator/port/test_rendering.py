"""When an answer was made stands in it, as in every answer of AWS, and its headers are those that were meant."""

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


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        pytest.param(("content-type", "a\r\nset-cookie: b"), b"content-type: a??set-cookie: b\r\n", id="a line end"),
        pytest.param(("content-type", "a\nb"), b"content-type: a?b\r\n", id="a line feed"),
        pytest.param(("content-type", "a\rb"), b"content-type: a?b\r\n", id="a carriage return"),
        pytest.param(("x\r\ny", "a\0b"), b"x??y: a?b\r\n", id="a name, and a zero"),
        pytest.param(("x", "\u20ac \u00e9"), b"x: ? \xe9\r\n", id="what has no byte"),
    ],
)
def test_what_a_header_cannot_have_is_a_question_mark(header: tuple[str, str], sent: bytes) -> None:
    response = HttpResponse(200, headers=(header, ("y", "z")))

    for head in (render(response, AT), head_of_stream(response, AT, in_chunks=True, keep_alive=True)):
        assert sent + b"y: z\r\n" in head
        assert b"\r\nset-cookie" not in head
