"""What the chat room consists of: functions, routes, a table. ``streamer emulate service:chat`` runs it."""

from streamer.topology import Api, Function, Key, Route, Table, TableAccess, Topology

TABLE = "chat_connections"


def handler(name, *actions, posts=False):
    """A function of ``handlers.py``, and what it may do with the table; whoever broadcasts also forgets who is gone."""
    return Function(
        name=name,
        handler=f"handlers.{name}",
        environment={"TABLE": TABLE},
        timeout_seconds=10,
        tables=(TableAccess(table=TABLE, actions=actions),) if actions else (),
        posts_to_connections=posts,
    )


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
    functions=(
        handler("connect", "PutItem"),
        handler("disconnect", "DeleteItem", "Scan", posts=True),
        handler("say", "DeleteItem", "GetItem", "Scan", posts=True),
        handler("who", "Scan"),
        handler("default"),
    ),
    tables=(Table(name=TABLE, key=Key(partition="connection_id")),),
)
