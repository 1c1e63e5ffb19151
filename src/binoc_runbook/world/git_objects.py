"""Commits, annotated tags and files of a repository, read through GitPython.

Git itself reads the refs, because GitPython does not read the format *reftable*: a tag would look absent. The objects
are read by the processes that GitPython keeps open (`git cat-file --batch`). `Git` starts them, with the settings of
all queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import git as gitpython

    from binoc_runbook.world.git import Git

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Creation:
    """Who created an object, as `Name <address>`, and when, in Unix time: the tagger of a tag, or the committer."""

    who: str
    at: float


def creation_of(git: Git, name: str) -> Creation | None:
    """Return who created a tag object or a commit, by its object name; `None` if it cannot be read."""
    return _read(git, name, _creation)


def text_at(git: Git, commit: str, path: str) -> str | None:
    """Return the text of a file in a commit, or `None`; invalid UTF-8 is replaced."""
    content = _read(git, commit, lambda commit_object: _content(commit_object.tree / path))
    return None if content is None else content.decode("utf-8", "replace")


def _content(entry: Any) -> bytes | None:
    return bytes(entry.data_stream.read()) if entry.type == "blob" else None  # not a directory


def _creation(tag_or_commit: Any) -> Creation:
    if tag_or_commit.type == "tag":
        who, at = tag_or_commit.tagger, tag_or_commit.tagged_date
    else:
        who, at = tag_or_commit.committer, tag_or_commit.committed_date
    return Creation(f"{who.name} <{who.email}>", float(at))


def _read(git: Git, name: str, read: Callable[[Any], _T]) -> _T | None:
    """Return what `read` returns for the object of this name, or `None` if it or one of its parts does not exist."""
    import git as gitpython

    try:
        repository = _repository_type(git)(git.root)
    except gitpython.exc.GitError:
        return None
    try:
        return read(gitpython.Object.new_from_sha(repository, bytes.fromhex(name)))
    except (ValueError, KeyError, AttributeError):  # no such object, no such file, or an object of another type
        return None
    finally:
        repository.close()


def _repository_type(git: Git) -> type[gitpython.Repo]:
    """Return the type of repositories whose processes are started by `git`."""
    import git as gitpython

    class GitPythonProcesses(gitpython.Git):
        def execute(self, command: Sequence[str], *_: Any, **__: Any) -> Any:
            return self.AutoInterrupt(git.start_query(command), command)

    class GitPythonRepository(gitpython.Repo):
        GitCommandWrapperType = GitPythonProcesses

    return GitPythonRepository
