"""A service of plain Lambda handlers, as users have them: no streamer App, one boto3 client per process."""

from streamer.topology import Api, EventSourceMapping, Function, Key, Route, StreamView, Table, Topology

NOTES = "bench_notes"


def _function(name: str, module: str) -> Function:
    return Function(
        name=name,
        handler=f"{module}.{name}",
        timeout_seconds=29,
        memory_mb=512,
        posts_to_connections=module != "trivial",
    )


topology = Topology(
    api=Api(
        name="bench",
        routes=(
            Route(route_key="$connect", function="connect"),
            Route(route_key="$disconnect", function="disconnect"),
            Route(route_key="echo", function="echo"),
            Route(route_key="sleep", function="sleep"),
            Route(route_key="fast", function="fast"),
            Route(route_key="who", function="who"),
        ),
    ),
    functions=(
        _function("connect", "trivial"),
        _function("disconnect", "trivial"),
        _function("echo", "with_boto3"),
        _function("sleep", "with_boto3"),
        _function("who", "with_boto3"),
        _function("relay", "with_boto3"),
        _function("fast", "with_sender"),
    ),
    tables=(Table(name=NOTES, key=Key(partition="id"), stream=StreamView.NEW_IMAGE),),
    event_source_mappings=(EventSourceMapping(function="relay", table=NOTES, starting_position="LATEST"),),
)
