"""Since when resources of stacks are there, and are as they are."""

from __future__ import annotations

from emulator.templates.control_plane.ages import Age, aged


def test_a_resource_is_as_old_as_its_first_deployment_and_as_new_as_its_last_change() -> None:
    old, slow = {"Timeout": 3}, {"Timeout": 9}

    first = aged({}, {"A": old, "B": old, "C": old}, 1.0)
    second = aged(first, {"A": old, "B": slow, "D": old}, 2.0)

    assert second == {
        "A": Age(made=1.0, changed=1.0, properties=old),
        "B": Age(made=1.0, changed=2.0, properties=slow),
        "D": Age(made=2.0, changed=2.0, properties=old),
    }
