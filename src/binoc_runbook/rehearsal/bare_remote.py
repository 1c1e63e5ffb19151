"""The remote of a rehearsal: a bare repository with a hook that enforces rules as GitHub does.

It always refuses forced pushes, deletions and moved tags. On request it also refuses pushes to the branch or new tags,
as a ruleset can. As at GitHub, `git push --dry-run` does not predict these refusals.
"""

from __future__ import annotations

from pathlib import Path

#: The update hook. Its messages are those of GitHub.
_HOOK = """\
#!/bin/sh
# $1 is the ref, $2 its old object and $3 its new object; all zeros mean that there is none.
refuse() {
    echo "error: GH013: Repository rule violations found for $1." >&2
    echo "- $2" >&2
    exit 1
}
case $1 in
refs/tags/*) case $2 in *[!0]*) refuse "$1" "Cannot update this protected ref." ;; esac ;;
esac
set -f # the patterns match refs, not files
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
#: The settings of the remote. `rehearsal.refuses` adds patterns of refs that it refuses, such as `refs/tags/v*`.
RULES = {"receive.denyNonFastForwards": "true", "receive.denyDeletes": "true"}


def remote_path(root: Path) -> Path:
    """Return the path of the bare remote that belongs to the rehearsed checkout at `root`."""
    return root.parent / "remote.git"


def write_hook(bare: Path) -> None:
    """Write the `update` hook into the bare repository."""
    hook = bare / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK, "utf-8", newline="\n")
    hook.chmod(0o755)
