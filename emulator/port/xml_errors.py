"""Errors in XML, as S3 tells them, and services that are asked by queries. Pure."""

from __future__ import annotations

from typing import Final

from .http import HttpResponse

_QUEUES: Final = "http://queue.amazonaws.com/doc/2012-11-05/"


def xml_error(service: str | None, code: str, message: str, status: int) -> HttpResponse:
    """The error of a service. [DOC] s3-docs:ErrorResponses, sns-docs:CommonErrors"""
    if service == "s3":
        return _answer(status, f"<Error>{_told(code, message)}</Error>", kind="application/xml")
    return _answer(status, f"<ErrorResponse><Error>{_side(status)}{_told(code, message)}</Error></ErrorResponse>")


def queue_error(code: str, message: str, status: int) -> HttpResponse:
    """That of SQS. [USR] aws/serverless-application-model #3633"""
    error = f"<Error>{_side(status)}{_told(code, message)}<Detail/></Error>"
    return _answer(status, f'<ErrorResponse xmlns="{_QUEUES}">{error}</ErrorResponse>')


def _side(status: int) -> str:
    return f"<Type>{'Sender' if status < 500 else 'Receiver'}</Type>"


def _told(code: str, message: str) -> str:
    from html import escape  # noqa: PLC0415 - a hundredth of a start, for those who are refused

    return f"<Code>{code}</Code><Message>{escape(message, quote=False)}</Message>"


def _answer(status: int, body: str, kind: str = "text/xml") -> HttpResponse:
    return HttpResponse(status, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode(), (("content-type", kind),))
