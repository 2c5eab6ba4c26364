"""``python -m streamer`` is the ``streamer`` command."""

from streamer._entry import main

main()
