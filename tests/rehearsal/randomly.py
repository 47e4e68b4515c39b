"""Random guests: made, read back, changed into another, read back again; what is planned then is nothing.

The manager works in this process, and the tools in forks of it: two thousand guests would take too long otherwise.
"""

from __future__ import annotations

import os
import subprocess

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from phoenix.errors import PartlyDone, Refused

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
ADDRESSES = st.builds("10.{}.{}.{}".format, *[st.integers(0, 254)] * 2, st.integers(1, 254))


def table(required, **optional):
    """A table with some keys that are there and some that may be."""
    return st.fixed_dictionaries(required, optional=optional)


def converge(world):
    """Create; what waits for a restart is done by one, after which a disk that waited may have to grow."""
    try:
        world.call("create")
    except PartlyDone as error:
        if "for a restart" not in error.message:
            raise
        world.call("restart")
        world.call("create")


def check(world, fixed, first, second):
    """Make a guest as `first`, then as `second` says, or see it refused with the name of an option that is `fixed`."""
    world.write(first)
    converge(world)
    assert world.plan() == 0
    world.write(second)
    refused = None
    try:
        converge(world)
    except Refused as error:
        refused = error
        world.write(first)
    if refused:
        named = [name for name in fixed if name in refused.message]
        assert refused.hint
        assert any(first.get(name) != second.get(name) for name in named), refused.message
    assert world.plan() == 0
    before = world.calls
    world.call("create")
    assert world.calls == before
    world.call("delete")
    assert not os.listdir(world.root / "var/lib/vz/images")


def many(count, world, strategy, fixed):
    """That for so many pairs of guests."""

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, strategy)
    def run(first, second):
        if world.conf.exists():  # of an example that failed
            tool = world.root / "usr/sbin" / world.kind.tool.name
            for word in ("stop", "destroy"):
                subprocess.run([tool, word, world.guest], check=False, capture_output=True)
        check(world, fixed, first, second)

    run()
    assert (world.root / "var/log/phoenix").is_dir()
    assert not (world.root / "var/log/phoenix/bugs.log").exists()
