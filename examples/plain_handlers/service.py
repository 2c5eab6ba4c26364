"""What the chat room consists of: functions, routes, tables, a queue. ``streamer emulate`` runs it.

It is a function of the stage and of what the tables' names begin with, so that stages stand side by side on AWS.
"""

from streamer.topology import Api, Function, Key, Queue, QueueMapping, Route, Table, TableAccess, Topology

ROUTES = (
    Route(route_key="$connect", function="connect"),
    Route(route_key="$disconnect", function="disconnect"),
    Route(route_key="say", function="say"),
    Route(route_key="who", function="who", route_response=True),
    Route(route_key="history", function="history", route_response=True),
    Route(route_key="$default", function="default", route_response=True),
)


def chat(stage, prefix):
    """The service of one stage."""
    table, history = f"{prefix}connections", f"{prefix}history"

    def handler(name, *actions, on=table, **rights):
        """A function of ``handlers.py``, and what it may do; whoever broadcasts also forgets who is gone."""
        return Function(
            name=name,
            handler=f"handlers.{name}",
            # The secret's value here is for the emulator; the shell's or .env's wins, and AWS never sees this one.
            environment={"TABLE": table, "HISTORY": history, "BADGE_KEY": "only while developing"},
            secrets=("BADGE_KEY",),
            timeout_seconds=10,
            tables=(TableAccess(table=on, actions=actions),) if actions else (),
            **rights,
        )

    return Topology(
        api=Api(name="chat", stage=stage, routes=ROUTES),
        functions=(
            handler("connect", "PutItem"),
            handler("disconnect", "DeleteItem", "Scan", posts_to_connections=True),
            handler("say", "DeleteItem", "GetItem", "Scan", posts_to_connections=True, sends_to=("said",)),
            handler("who", "Scan"),
            handler("history", "Scan", on=history),
            handler("default"),
            handler("keep", "PutItem", on=history),
        ),
        tables=(
            Table(name=table, key=Key(partition="connection_id")),
            Table(name=history, key=Key(partition="message_id")),
        ),
        queues=(Queue(name="said"),),
        queue_mappings=(QueueMapping(function="keep", queue="said"),),
    )
