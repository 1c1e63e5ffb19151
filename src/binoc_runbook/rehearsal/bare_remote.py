"""The remote of a rehearsal: a bare repository with the rules that GitHub would enforce, as real hooks.

What is on it stays: no push is forced, nothing is deleted, no tag is moved. What a ruleset may refuse beside that, a
push to the branch or a new tag, is refused on request. No dry run foresees any of it, here as little as at GitHub.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

#: What GitHub answers, for each kind of rule that is broken.
_HOOK = """\
#!/bin/sh
# $1 is the ref, $2 what it is and $3 what it would become; all zeros stand for nothing.
refuse() {
    echo "error: GH013: Repository rule violations found for $1." >&2
    echo "- $2" >&2
    exit 1
}
case $1 in
refs/tags/*) case $2 in *[!0]*) refuse "$1" "Cannot update this protected ref." ;; esac ;;
esac
set -f # the patterns are of refs, not of files
for refused in $(git config --get-all rehearsal.refuses); do
    case $1 in
    $refused)
        case $1 in
        refs/tags/*) refuse "$1" "Cannot create ref due to creations being restricted." ;;
        *) refuse "$1" "Changes must be made through a pull request." ;;
        esac
        ;;
    esac
done
"""
_RULES = {"receive.denyNonFastForwards": "true", "receive.denyDeletes": "true"}


def bare_beside(root: Path) -> Path:
    """Where the remote of the rehearsed checkout at `root` lies."""
    return root.parent / "remote.git"


def rules(refuses: Iterable[str]) -> list[tuple[str, str]]:
    """What to configure in the bare repository; `refuses` are patterns of refs, such as `refs/tags/v*`."""
    return [*_RULES.items(), *(("rehearsal.refuses", pattern) for pattern in refuses)]


def write_hook(bare: Path) -> None:
    """Put the hook into the bare repository, in place of the samples of a template."""
    hook = bare / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK, "utf-8", newline="\n")
    hook.chmod(0o755)
