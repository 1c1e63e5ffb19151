"""Commits, tags and files that GitPython reads, and the processes that it uses."""

from __future__ import annotations

from binoc_runbook.world.git import Git
from binoc_runbook.world.git_objects import creation_of, text_at

ABSENT = "0" * 40


def test_creation_of_a_tag_and_of_a_commit(checkout, git):
    git("tag", "-a", "v9.9.9", "-m", "x", cwd=checkout.root)
    client = Git(checkout.root)
    tag = client.local_tag("v9.9.9")
    for name in (tag.object, tag.commit):
        creation = creation_of(client, name)
        assert (creation.who, creation.at > 0) == (client.identity(), True)
    assert creation_of(client, ABSENT) is None


def test_text_of_a_file_in_a_commit(checkout):
    client = Git(checkout.root)
    commit = client.head()[0]
    committed = (checkout.root / "CHANGELOG.md").read_text("utf-8")
    checkout.write("CHANGELOG.md", "changed")
    assert text_at(client, commit, "CHANGELOG.md") == committed
    for absent in ("no-such-file", "crates"):
        assert text_at(client, commit, absent) is None
    assert text_at(client, ABSENT, "CHANGELOG.md") is None


def test_directory_without_a_repository_contains_nothing(tmp_path):
    assert creation_of(Git(tmp_path), ABSENT) is None


def test_processes_have_the_settings_of_queries(checkout, monkeypatch):
    started = []
    start = Git._start

    def record(client, command, arguments, environment=None, **more):
        started.append((command[1], environment))
        return start(client, command, arguments, environment, **more)

    monkeypatch.setattr(Git, "_start", record)
    client = Git(checkout.root)
    commit = client.head()[0]
    started.clear()
    assert text_at(client, commit, "CHANGELOG.md")
    assert {subcommand for subcommand, _ in started} == {"cat-file"}
    for _, environment in started:
        values = {value for name, value in environment.items() if name.startswith("GIT_CONFIG_KEY_")}
        assert {"core.hooksPath", "core.fsmonitor"} <= values
        assert environment["GIT_NO_LAZY_FETCH"] == "1"
