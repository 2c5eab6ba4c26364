"""What the chat room consists of: functions, routes, a table. ``streamer emulate service:chat`` runs it."""

from streamer.topology import Api, Function, Key, Route, Table, Topology

TABLE = "chat_connections"

chat = Topology(
    api=Api(
        name="chat",
        routes=(
            Route(route_key="$connect", function="connect"),
            Route(route_key="$disconnect", function="disconnect"),
            Route(route_key="say", function="say"),
            Route(route_key="who", function="who", route_response=True),
            Route(route_key="$default", function="default", route_response=True),
        ),
    ),
    functions=tuple(
        Function(name=name, handler=f"handlers.{name}", environment={"TABLE": TABLE}, timeout_seconds=10)
        for name in ("connect", "disconnect", "say", "who", "default")
    ),
    tables=(Table(name=TABLE, key=Key(partition="connection_id")),),
)
