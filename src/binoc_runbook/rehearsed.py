"""A rehearsed world in which a version is out: released there, and published by the workflow that its tag started."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.publication import open_publication
from binoc_runbook.stages import ACTS, Target
from binoc_runbook.world import World


def publish(target: Target, on_line: Callable[[str], None]) -> tuple[World, dict[str, str]]:
    """Release a target in its rehearsed world, and let the workflow publish it.

    Returns the world as users have it then, led to the registries of the rehearsal until it is closed, and the digests
    of what the workflow has built, by file name. The tests are left out; `on_line` is given what the jobs print.

    Raises:
        RefusedError: The tag could not be pushed, or something was not published.
    """
    world = target.world
    with ExitStack() as opened:
        opened.callback(world.close)
        for stage in ACTS:
            if trouble := stage.act(target, on_line):
                raise RefusedError(f"the rehearsal could not release {target.version}", trouble)
        publication = opened.enter_context(open_publication(target, on_line))
        runs = list(publication.start(f"refs/tags/{target.tag}"))
        if missing := publication.missing():
            raise RefusedError(f"the rehearsal could not publish {target.version}", missing)
        users = World.at(
            world.root,
            kind="rehearsal",
            source=world.runs.parent,
            environment={**world.processes.environment, **publication.registries.user_environment},
            close=opened.pop_all().close,
        )
        return users, publication.built(runs[-1])
