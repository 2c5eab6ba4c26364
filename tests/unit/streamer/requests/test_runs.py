import json

import pytest

from streamer.records import RequestKey
from streamer.requests.runs import RUN, SWEEP, SWEEP_EVENT, Run, run_event, run_of

KEY = RequestKey("acme#ada", "r-1")


@pytest.mark.parametrize("run", [Run(KEY), Run(KEY, not_before=7.5), Run(KEY, tells=True)])
def test_a_run_event_says_what_is_asked_for(run: Run) -> None:
    event = json.loads(json.dumps(run_event(run.key, not_before=run.not_before, tells=run.tells)))

    assert run_of(event) == run


def test_a_run_event_is_no_sweep() -> None:
    assert RUN not in SWEEP_EVENT
    assert SWEEP not in run_event(KEY)
