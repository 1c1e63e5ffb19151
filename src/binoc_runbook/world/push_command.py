"""The command line of a push, for plans, dry runs and releases: it pushes the given refs and no others.

Options override the settings of git that add refs to a push, redirect it or make it fail. They are part of the command
line, not of its environment, so that a copied command has the same effect. `checks.push_settings` lists the settings.
"""

from __future__ import annotations


def push_command(remote: str, *refspecs: str, dry_run: bool = False) -> tuple[str, ...]:
    """Return the argument list that pushes `SOURCE:FULL_NAME` refspecs to a remote.

    With refspecs that have a colon, git does not read `push.default`, `push.autoSetupRemote` and `remote.NAME.push`.
    Source: `git help push`, `git help config`.
    """
    settings = (
        # An empty value removes all push options. `--no-push-option` does not remove options of the configuration.
        "push.pushOption=",
        # There is no option that overrides this setting: `--no-mirror` leaves it in force.
        f"remote.{remote}.mirror=false",
    )
    # `--no-recurse-submodules` also overrides `submodule.recurse`.
    options = ("--porcelain", "--no-follow-tags", "--no-signed", "--no-recurse-submodules")
    # --atomic reports all conflicts. --no-verify: a check must not run the pre-push hook of the user.
    dry = ("--dry-run", "--atomic", "--no-verify") if dry_run else ()
    return (
        "git",
        *(part for setting in settings for part in ("-c", setting)),
        "push",
        *dry,
        *options,
        remote,
        *refspecs,
    )
