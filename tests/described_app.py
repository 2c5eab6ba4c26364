"""An App that uses whatever `streamer describe` knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, Field

from streamer import App, Progress, Request


class Item(BaseModel):
    """Something that is sold."""

    sku: str = Field(max_length=32)
    count: int = 1


class Order(BaseModel):
    """What a customer wants."""

    items: list[Item]
    note: str | None = None
    kind: Literal["new", "again"] = "new"
    where: tuple[float, float] | None = None


class Receipt(TypedDict):
    """What was bought."""

    number: int
    lines: NotRequired[list[str]]


@dataclass
class Placed:
    """What is published of it."""

    number: int
    by: str = ""


def plain(payload: Any) -> None:
    """A validator of which nothing is known."""


app = App(title="Shop", version="1.2.0", description="Sells things.")
app.topic("orders/new", data=Placed, description="Every order.")
app.topic("news")


@app.action("order", validator=Order, examples=[{"items": [{"sku": "a"}]}], permissions=["shop:order"])
def order(request: Request) -> Receipt:
    """Buy something.

    It is sent the next day.
    """
    return {"number": len(request.payload.items)}


@app.action("report.monthly", estimated_duration=60, max_attempts=3, timeout_seconds=90, schema={"type": "string"})
def report(request: Request, progress: Progress) -> dict[str, list[int]]:
    """Count what was bought."""
    progress(50)
    return {str(request.payload): [1]}


@app.action("old", validator=plain, deprecated=True, result=Order)
def old(request: Request) -> Any:
    return request.payload
