"""The contract of the publish workflow, by mutation: one change to a good workflow, the one finding it must cause."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from binoc_runbook.checks.workflow import RULES, Workflow, workflow
from binoc_runbook.policy import MANIFEST_OF, Policy

if TYPE_CHECKING:
    from binoc_runbook.finding import Finding

REPOSITORY = Path(__file__).parents[2]
FILE = ".github/workflows/publish.yml"
GOOD = (REPOSITORY / FILE).read_text()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The policy of this repository, read where its artifacts are empty folders."""
    root = tmp_path_factory.mktemp("policy")
    text = (REPOSITORY / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(text)
    for artifact in tomllib.loads(text)["tool"]["binoc-runbook"]["artifacts"]:
        manifest = root / artifact["path"] / MANIFEST_OF[artifact["registry"]]
        manifest.parent.mkdir(parents=True)
        manifest.touch()
    return Policy.load(root)


def findings(root: Path, text: str, policy: Policy) -> list[Finding]:
    file = root / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return list(workflow(root, policy))


def line(text: str, part: str) -> str:
    """The place of the first line that holds `part`."""
    return f"{FILE}:{text[: text.index(part)].count(chr(10)) + 1}"


def test_the_workflow_of_this_repository_keeps_the_contract(tmp_path: Path, policy: Policy) -> None:
    [finding] = findings(tmp_path, GOOD, policy)

    assert (finding.status, finding.looked_at) == ("ok", FILE)
    for artifact in policy.artifacts:
        assert f"`{artifact.name}` by `publish-{artifact.name}`" in finding.saw
    assert all(rule.name in finding.saw for rule in RULES)


GATE = "    if: startsWith(github.ref, 'refs/tags/v')\n"
PUBLISH_BINOC = GOOD[GOOD.index("  publish-binoc:") : GOOD.index("  publish-binoc-sqlite:")]
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
REUSABLE = """\
  publish-binoc:
    name: Publish binoc to PyPI
    needs: [sdists, wheels, check]
    if: startsWith(github.ref, 'refs/tags/v')
    permissions:
      id-token: write
    uses: ./.github/workflows/upload.yml
"""

# Each: the rule, what is replaced (once) by what, the line of the finding ("" for the whole file), a word of what was
# seen, and a word of the edit.
MUTATIONS = [
    # what starts it
    ("trigger", 'tags: ["v*"]', 'tags: ["*"]', 'tags: ["*"]', "which is no release's", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["**v*"]', 'tags: ["**v*"]', "which is no release's", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["v?*"]', 'tags: ["v?*"]', "which is no release's", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["v*", nightly]', "nightly", "`nightly` matches no tag", "delete it"),
    ("trigger", 'tags: ["v*"]', "tags: [v0.*]", "tags: [v0.*]", "`v1.0.0` of a release would not", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["v*", "!v*-rc*"]', "tags:", "`v0.4.0-rc.10` of a release", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["v[0-9]+.[0-9]+.[0-9]+"]', "tags:", "`v0.4.0-alpha.1`", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["release-*"]', "tags:", "`v0.4.0` of a release would not", 'tags: ["v*"]'),
    ("trigger", 'tags: ["v*"]', 'tags: ["v*"]\n    branches: [main]', "branches:", "`branches`", "delete `branches`"),
    ("trigger", '    tags: ["v*"]\n', "", "  push:", "every push starts it", 'tags: ["v*"]'),
    ("trigger", '  push:\n    tags: ["v*"]\n', "", "  workflow_dispatch", "no push of a tag", 'tags: ["v*"]'),
    ("trigger", "  push:\n", "  schedule: []\n  push:\n", "schedule", "`schedule` starts it", "delete `schedule`"),
    ("trigger", "  push:\n", "  release: {}\n  push:\n", "release: {}", "`release` starts it", "delete `release`"),
    (
        "trigger",
        "  push:\n",
        "  workflow_call:\n  push:\n",
        "workflow_call",
        "`workflow_call`",
        "delete `workflow_call`",
    ),
    (
        "untrusted trigger",
        "  push:\n",
        "  pull_request_target:\n    types: [opened]\n  push:\n",
        "pull_request_target",
        "`pull_request_target` starts it",
        "delete `pull_request_target`",
    ),
    ("untrusted trigger", "  push:\n", "  workflow_run: {}\n  push:\n", "workflow_run", "`workflow_run`", "delete"),
    ("untrusted trigger", "  push:\n", "  issue_comment: {}\n  push:\n", "issue_comment", "`issue_comment`", "delete"),
    # what a run may do
    ("permissions", "permissions: {}\n", "", "", "nothing is said on top", "`permissions: {}`"),
    ("permissions", "permissions: {}", "permissions: write-all", "write-all", "every job", "`permissions: {}`"),
    ("permissions", "permissions: {}", "permissions: {id-token: write}", "{id-token", "every job", "`permissions: {}`"),
    ("secrets", "steps.auth.outputs.token", "secrets.CARGO_TOKEN", "secrets.", "`CARGO_REGISTRY_TOKEN`", "delete it"),
    ("secrets", "steps.auth.outputs.token", "secrets['X']", "secrets[", "secrets['X']", "delete it"),
    ("secrets", "steps.auth.outputs.token", "toJSON( Secrets )", "toJSON", "toJSON( Secrets )", "delete it"),
    ("secrets", "'refs/tags/v')", "'refs/tags/v') && secrets.X != ''", "secrets.X", "`if` reads", "delete it"),
    # how runs meet
    ("concurrency", "cancel-in-progress: false", "cancel-in-progress: true", "cancel-in", "ends a run", "false"),
    (
        "concurrency",
        "cancel-in-progress: false",
        "cancel-in-progress: ${{ github.ref_type == 'tag' }}",
        "cancel-in",
        "ends a run",
        "false",
    ),
    ("concurrency", "publish-${{ github.ref }}", "publish", "group:", "`publish`", "group: publish-${{ github.ref }}"),
    (
        "concurrency",
        "concurrency:\n  group: publish-${{ github.ref }}\n  cancel-in-progress: false\n",
        "",
        "",
        "at the same time",
        "concurrency: {group: 'publish-${{ github.ref }}'",
    ),
    (
        "concurrency",
        "    environment: pypi-binoc\n",
        "    environment: pypi-binoc\n    concurrency: {group: x, cancel-in-progress: true}\n",
        "group: x",
        "ends a run",
        "false",
    ),
    # which job publishes what
    (
        "publish job",
        PUBLISH_BINOC,
        "",
        "",
        "no job publishes `binoc`, which pyproject.toml:",
        "environment: pypi-binoc",
    ),
    (
        "publish job",
        PUBLISH_BINOC,
        PUBLISH_BINOC + PUBLISH_BINOC.replace("publish-binoc", "again").replace("pypi-binoc", "pypi-again"),
        "  again:",
        "`again` publishes at pypi",
        "delete `again`",
    ),
    ("environment", "environment: pypi-binoc\n", "environment: pypi\n", "environment: pypi", "in `pypi`", "pypi-binoc"),
    (
        "environment",
        "environment: pypi-binoc\n",
        "environment: pypi-binoc-sqlite\n",
        "environment: pypi",
        "`publish-binoc` publishes `binoc` in `pypi-binoc-sqlite`",
        "environment: pypi-binoc",
    ),
    ("environment", "    environment: crates-io\n", "", "  publish-binoc-sdk:", "in no environment", "crates-io"),
    (
        "token",
        "      id-token: write # to be recognised by crates.io",
        "      {}",
        "  publish-binoc-sdk:",
        "without",
        "id-token",
    ),
    (
        "token",
        "      contents: read # to check out",
        "      contents: read\n      id-token: write",
        "id-token: write",
        "`sdists` can have a token",
        "delete `id-token: write`",
    ),
    (
        "token",
        "      contents: read # to check out",
        "      write-all",
        "write-all",
        "`sdists` can have a token",
        "delete",
    ),
    (
        "token alone",
        "id-token: write # to be recognised by PyPI",
        "id-token: write\n      contents: write",
        "contents: write",
        "`publish-binoc` is permitted `contents: write`",
        "delete `contents: write`",
    ),
    ("inline", PUBLISH_BINOC, REUSABLE, "uses: ./", "`publish-binoc` publishes from another file", "here"),
    # what comes before
    ("gate", GATE, "", "  publish-binoc:", "also runs when no release's tag", "startsWith(github.ref, 'refs/tags/v')"),
    ("gate", "'refs/tags/v')", "'refs/')", "'refs/')", "also runs when no release's tag", "'refs/tags/v'"),
    ("gate", "'refs/tags/v')", "'refs/tags/v') || true", "|| true", "also runs when no release's tag", "'refs/tags/v'"),
    (
        "gate",
        "startsWith(github.ref, 'refs/tags/v')",
        "github.ref_name != 'main'",
        "!= 'main'",
        "also runs",
        "startsWith",
    ),
    (
        "gate",
        "startsWith(github.ref, 'refs/tags/v')",
        "github.ref_type == 'tag'",
        "ref_type",
        "also runs",
        "startsWith",
    ),
    (
        "needs",
        "needs: [sdists, wheels, check]",
        "needs: [sdists, wheels]",
        "needs: [sdists, wheels]",
        "`check`",
        "check]",
    ),
    (
        "needs",
        "    needs: [sdists, wheels, check]\n",
        "",
        "  publish-binoc:",
        "`sdists`, `wheels`, `check`",
        "needs: [",
    ),
    (
        "needs",
        "needs: [sdists, wheels, check]",
        "needs: [sdists, wheels, check, tests]",
        "tests]",
        "no such job",
        "there is",
    ),
    (
        "needs",
        "    if: starts",
        "    if: always() && starts",
        "always()",
        "although what it waits for",
        "delete the status",
    ),
    ("checks", "run: ./just test-code", "run: ./just build", "", "no job checks anything", "runs `just test-code`"),
    (
        "failures",
        "      - run: ./just test-code",
        "      - run: ./just test-code\n        continue-on-error: true",
        "continue-on-error",
        "`check` succeeds though",
        "delete `continue-on-error`",
    ),
    # what runs
    ("pins", f"{CHECKOUT} # v7.0.1", "actions/checkout@v7", "checkout@v7", "no fixed commit", "its tag as a comment"),
    ("pins", f"{CHECKOUT} # v7.0.1", "actions/checkout", "uses: actions/checkout\n", "no fixed commit", "commit"),
    ("pins", f"{CHECKOUT} # v7.0.1", CHECKOUT, CHECKOUT, "nobody sees which release", "`# v1.2.3`"),
    ("pins", f"{CHECKOUT} # v7.0.1", f"{CHECKOUT} # main", CHECKOUT, "nobody sees which release", "`# v1.2.3`"),
    ("pins", f"{CHECKOUT} # v7.0.1", "docker://alpine:3", "alpine", "no fixed image", "sha256"),
    ("time limit", "    timeout-minutes: 60\n", "", "  wheels:", "`wheels` may run for six hours", "timeout-minutes"),
    (
        "keys",
        "    timeout-minutes: 60\n",
        "    timeout-minutes: 60\n    timeout-minutes: 6\n",
        "minutes: 6\n",
        "twice",
        "keep",
    ),
]


@pytest.mark.parametrize(("rule", "good", "bad", "at", "saw", "edit"), MUTATIONS)
def test_one_change_causes_the_one_finding(
    tmp_path: Path, policy: Policy, rule: str, good: str, bad: str, at: str, saw: str, edit: str
) -> None:
    assert good in GOOD
    text = GOOD.replace(good, bad, 1)

    [finding] = findings(tmp_path, text, policy)

    assert (finding.check, finding.status) == ("workflow", "failed")
    assert finding.saw.startswith(f"{rule}: ")
    assert saw in finding.saw
    assert finding.saw.endswith(next(each.why for each in RULES if each.name == rule))
    assert edit in finding.remedy
    assert finding.looked_at == (line(text, at) if at else FILE)


def test_every_rule_has_a_change_that_breaks_it() -> None:
    assert {mutation[0] for mutation in MUTATIONS} == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        # what means the same, or less
        ("\non:\n", '\n"on":\n'),
        ('tags: ["v*"]', "tags: v*"),
        ('tags: ["v*"]', "tags: ['v[0-9]*']"),
        ('tags: ["v*"]', 'tags: ["v[0-9]+.[0-9]+.[0-9]+", "v[0-9]+.[0-9]+.[0-9]+-*"]'),
        ("  workflow_dispatch: # ", "# "),
        ("  cancel-in-progress: false\n", ""),
        ("environment: pypi-binoc\n", "environment: {name: PyPI-Binoc}\n"),
        (GATE, "    if: ${{ startsWith( github.ref, 'refs/tags/v' ) && github.repository == 'harvard-lil/binoc' }}\n"),
        (GATE, "    if: github.event_name == 'push' && (github.actor != 'a' || github.actor != 'b')\n"),
        # what only looks like a breach
        ("run: ./just test-code", "run: ./just test-code # secrets.X"),
        ("run: ./just test-code", "run: cargo publish --dry-run -p binoc-sdk && just check-dists"),
        ("run: ./just test-code", "run: echo uv-publish; pytest"),
        ("steps.auth.outputs.token", "steps.secrets.outputs.token"),
        (f"uses: {CHECKOUT} # v7.0.1", "uses: ./.github/actions/checkout"),
        # what a run does after it has published
        (
            "  publish-binoc-sdk:\n",
            "  verify: {needs: publish-binoc, runs-on: ubuntu-24.04, timeout-minutes: 5}\n  publish-binoc-sdk:\n",
        ),
    ],
)
def test_what_keeps_the_contract_in_other_words_is_fine(tmp_path: Path, policy: Policy, good: str, bad: str) -> None:
    assert good in GOOD

    assert [finding.status for finding in findings(tmp_path, GOOD.replace(good, bad, 1), policy)] == ["ok"]


def test_without_a_dispatch_the_trigger_is_gate_enough(tmp_path: Path, policy: Policy) -> None:
    text = GOOD.replace("  workflow_dispatch: # ", "# ").replace(GATE, "")

    assert [finding.status for finding in findings(tmp_path, text, policy)] == ["ok"]


def test_all_that_is_broken_is_said_at_once(tmp_path: Path, policy: Policy) -> None:
    text = (
        GOOD.replace('"v*"', '"*"').replace("    timeout-minutes: 60\n", "").replace("environment: crates-io", "x: y")
    )

    assert [each.saw.partition(":")[0] for each in findings(tmp_path, text, policy)] == [
        "trigger",
        "environment",
        "time limit",
    ]


@pytest.mark.parametrize(
    ("tag", "pattern", "saw"),
    [
        ("{version}", "[0-9]*", None),
        ("{version}", "*", "the tag `a0.4.0`, which is no release's"),
        ("binoc-{version}", "binoc-*", None),
        ("binoc-{version}", "binoc*", "the tag `binoc0.4.0`, which is no release's"),
        ("release/{version}", "release/*", None),
        ("release/{version}", "release*", "the tag `release/0.4.0` of a release would not start it"),
        ("release/{version}", "release**", "which is no release's"),
        ("{version}-final", "[0-9]*-final", None),
        ("v{version}-final", "v*", "the tag `v0.4.0`, which is no release's"),
    ],
)
def test_the_trigger_follows_the_tag_of_the_policy(
    tmp_path: Path, policy: Policy, tag: str, pattern: str, saw: str | None
) -> None:
    prefix = tag.partition("{version}")[0]
    text = GOOD.replace('"v*"', f'"{pattern}"').replace("'refs/tags/v'", f"'refs/tags/{prefix}'")
    # Where a tag has no beginning of its own any tag passes the gate, so nothing else may start a run.
    text = text.replace("  workflow_dispatch: # ", "# ")

    [finding] = findings(tmp_path, text, replace(policy, tag=tag))

    assert finding.status == ("failed" if saw else "ok")
    assert saw is None or saw in finding.saw


def test_each_artifact_is_published_by_the_job_that_has_its_environment(policy: Policy) -> None:
    read = Workflow.read(REPOSITORY, FILE)

    assert [(artifact.name, job.id) for artifact, job in read.publishers(policy)] == [
        ("binoc", "publish-binoc"),
        ("binoc-sqlite", "publish-binoc-sqlite"),
        ("binoc-sdk", "publish-binoc-sdk"),
    ]


# What cannot be read


def test_without_a_policy_nothing_is_asked(tmp_path: Path) -> None:
    [finding] = workflow(tmp_path, Policy.undeclared())

    assert finding.status == "warning"
    assert "no promise is declared" in finding.saw
    assert "[tool.binoc-runbook]" in finding.remedy


def test_a_missing_file_is_named_beside_those_that_are_there(tmp_path: Path, policy: Policy) -> None:
    findings(tmp_path, GOOD, policy)

    [finding] = workflow(tmp_path, replace(policy, workflow="release.yml"))

    assert (finding.status, finding.looked_at) == ("failed", ".github/workflows/release.yml")
    assert "`publish.yml`" in finding.saw


@pytest.mark.parametrize(
    ("text", "where", "saw"),
    [
        ("jobs: [\n", ":2", "does not parse"),
        ("on: push\n\tjobs: {}\n", ":2", "does not parse"),
        ("a: *b\n", ":1", "does not parse"),
        ("---\na: 1\n---\nb: 2\n", ":3", "does not parse"),
        pytest.param("[" * 300_000, ":1", "nested more than 100 deep", id="flow nesting"),
        pytest.param("- " * 100_000, ":1", "nested more than 100 deep", id="block nesting"),
        ("", "", "no mapping"),
        ("- a\n", "", "no mapping"),
        ("on: push\n", "", "no jobs"),
        ("on: push\njobs: {}\n", "", "no jobs"),
        ("on: push\njobs: all\n", "", "no jobs"),
    ],
)
def test_what_github_could_not_read_is_refused(tmp_path: Path, policy: Policy, text: str, where: str, saw: str) -> None:
    [finding] = findings(tmp_path, text, policy)

    assert finding.status == "failed"
    assert finding.looked_at.startswith(f"{FILE}{where}")
    assert saw in finding.saw


def test_a_file_that_is_not_text_is_refused(tmp_path: Path, policy: Policy) -> None:
    findings(tmp_path, "", policy)
    (tmp_path / FILE).write_bytes(b"\xff\xfe")

    [finding] = workflow(tmp_path, policy)

    assert "not UTF-8" in finding.saw


@pytest.mark.parametrize(
    "text",
    [
        "on: push\njobs:\n  a:\n",
        "on:\njobs: {a: [], b: x, c: {steps: {}, needs: {a: b}, permissions: [], environment: []}}\n",
        "on: [push, {a: b}]\nconcurrency: []\npermissions: []\njobs: {a: {steps: [x, [y], {uses: [z], run: {}}]}}\n",
        "on: {push: {tags: {a: b}}}\njobs: {a: {needs: a, if: [x]}}\n",
        "jobs: {a: &x {needs: [*x], b: *x, steps: &y [*y]}}\n",
        "jobs: {[a, b]: {c: d}, {e: f}: g}\n",
        "on: {push: {tags: ['[', '[]a', '+', '?', '[z-a]', '!', '\\']}}\njobs: {a: {needs: b}, b: {needs: a}}\n",
    ],
)
def test_any_shape_of_yaml_gets_findings_and_no_error(tmp_path: Path, policy: Policy, text: str) -> None:
    found = findings(tmp_path, text, policy)

    assert {finding.status for finding in found} == {"failed"}
    assert all(finding.looked_at.startswith(FILE) and finding.remedy for finding in found)


def test_aliases_are_followed_once(tmp_path: Path, policy: Policy) -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert findings(tmp_path, f"l0: &l0 [lol]\n{layers}{GOOD}", policy)
