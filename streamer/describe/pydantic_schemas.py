"""Schemas of Pydantic's models as they travel: by alias where they are taken, as they are dumped where given. Pure.

Only called with what is Pydantic's, so that it is imported where it is installed alone.
"""

from __future__ import annotations

from typing import Any, Literal


def made(schema: Any, mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    """What ``model_json_schema`` or ``TypeAdapter.json_schema`` makes.

    Results are dumped with ``model_dump(mode="json")`` (`streamer.protocol.messages.to_json`), which uses aliases where
    a model's own ``serialize_by_alias`` says so, while Pydantic's generator always does.
    """
    if mode == "validation":
        return dict(schema(mode=mode))
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415 - not everybody has it

    class AsDumped(GenerateJsonSchema):
        def model_schema(self, schema: Any) -> Any:
            before, self.by_alias = self.by_alias, bool(schema["cls"].model_config.get("serialize_by_alias"))
            try:
                return super().model_schema(schema)
            finally:
                self.by_alias = before

    return dict(schema(mode=mode, by_alias=False, schema_generator=AsDumped))
