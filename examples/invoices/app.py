"""Invoices: a slow action that uses a table, a bucket and a queue of its own, and a quick one that looks one up."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3

from streamer import ActionError, App, ErrorCode, Progress, Request
from streamer.topology import Key, Queue, Table

app = App(
    tables=[Table(name="invoices", key=Key(partition="customer", sort="number"))],
    queues=[Queue(name="mails")],
)

FONTS = Path("/opt/fonts")
"""Where the layer of ``streamer.toml`` puts them; without it, as here, plain text will do."""
LETTERHEAD = "letterhead.txt"


@cache
def table() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["INVOICES_TABLE"])


@cache
def s3() -> Any:
    return boto3.client("s3")


@cache
def sqs() -> Any:
    return boto3.client("sqs")


def order(payload: Any) -> dict[str, Any]:
    """``{"number": "2026-1", "lines": [{"text": "Tea", "cents": 250}]}``; ValueError tells the client what is wrong."""
    try:
        lines = [(str(line["text"]), int(line["cents"])) for line in payload["lines"]]
        return {"number": str(payload["number"]), "lines": lines}
    except (TypeError, KeyError, ValueError):
        raise ValueError('the payload must be {"number": "...", "lines": [{"text": "...", "cents": 1}]}') from None


@app.action("invoice", queued=True, max_attempts=3, validator=order)
def invoice(request: Request, progress: Progress) -> dict[str, Any]:
    """Write an invoice, keep it, and have it mailed; doing it twice does no harm."""
    number, lines = request.payload["number"], request.payload["lines"]
    total = sum(cents for _, cents in lines)
    # Quoted, so that no tenant or number with a slash in it leads to another's document.
    key = f"{quote(request.tenant_id, safe='')}/{quote(number, safe='')}.txt"
    progress(10, "rendering")
    body = "\n".join([letterhead(), *(f"{text:<20}{cents / 100:>10.2f}" for text, cents in lines)])
    s3().put_object(Bucket=os.environ["DOCUMENTS_BUCKET"], Key=key, Body=body.encode(), ContentType="text/plain")
    progress(60, "storing")
    table().put_item(Item={"customer": request.tenant_id, "number": number, "cents": total, "document": key})
    sqs().send_message(QueueUrl=os.environ["MAILS_QUEUE_URL"], MessageBody=key)
    return {"document": key, "cents": total, "with_fonts": FONTS.is_dir(), "memory_mb": memory_mb()}


@app.action("find")
def find(request: Request) -> dict[str, Any]:
    """Quick: what an invoice says."""
    key = {"customer": request.tenant_id, "number": str(request.payload)}
    item = table().get_item(Key=key).get("Item")
    if item is None:
        raise ActionError(f"there is no invoice {request.payload!r}", code=ErrorCode.NOT_FOUND)
    found = s3().get_object(Bucket=os.environ["DOCUMENTS_BUCKET"], Key=item["document"])
    return {"cents": int(item["cents"]), "text": found["Body"].read().decode()}


def letterhead() -> str:
    """What each invoice begins with: an object of the bucket, if somebody put it there."""
    try:
        found = s3().get_object(Bucket=os.environ["DOCUMENTS_BUCKET"], Key=LETTERHEAD)
    except s3().exceptions.NoSuchKey:
        return "INVOICE"
    return str(found["Body"].read().decode())


def memory_mb() -> int:
    """How much memory Lambda gives this function: rendering takes 2 GB."""
    return int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
