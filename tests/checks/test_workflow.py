"""The contract of the publish workflow: edits of a correct workflow, and the one finding that each of them causes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from binoc_runbook.checks.workflow import RULES, WorkflowFile, workflow
from binoc_runbook.checks.workflow.audit import ZIZMOR, Audit
from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.checks.workflow.rules.installed_tools import INSTALLATIONS
from binoc_runbook.policy import MANIFEST_OF, Policy
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.zizmor import audit_workflow

if TYPE_CHECKING:
    from binoc_runbook.finding import Finding

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = Path(__file__).parent / "workflows"
FILE = ".github/workflows/publish.yml"
OWN = (REPOSITORY / FILE).read_text()
#: The workflow of this repository, and a job that is not part of the contract.
GOOD = f"""{OWN}
  extra:
    needs: verify-published
    if: ${{{{ !cancelled() && needs.verify-published.result == 'success' }}}}
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    permissions:
      contents: read # to check out
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: ./just extra
"""
#: Edits of the workflow by section; the file describes their keys.
EDITS = tomllib.loads((WORKFLOWS / "mutations.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """Return the policy of this repository, read where its artifacts are empty directories."""
    root = tmp_path_factory.mktemp("policy")
    text = (REPOSITORY / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(text)
    for artifact in tomllib.loads(text)["tool"]["binoc-runbook"]["artifacts"]:
        for path in filter(None, (artifact["path"], artifact.get("example"))):
            manifest = root / path / MANIFEST_OF[artifact["registry"]]
            manifest.parent.mkdir(parents=True)
            manifest.touch()
    return read_policy(root)


def write(root: Path, text: str) -> None:
    file = root / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (root / "just").touch()  # the wrapper that the steps run
    (root / "rust-toolchain.toml").touch()


def check(root: Path, text: str, policy: Policy) -> list[Finding]:
    """Return the findings of the rules of this library, as if zizmor had reported nothing."""
    write(root, text)
    return list(workflow(root, policy, audit=Audit()))


def check_with_zizmor(root: Path, text: str, policy: Policy) -> list[Finding]:
    """Return the findings of all rules, with the reports of the installed zizmor."""
    write(root, text)
    return list(workflow(root, policy, audit=audit_workflow(Processes(root), FILE)))


def statuses(findings: list[Finding]) -> list[str]:
    return [finding.status for finding in findings]


def rule_of(finding: Finding) -> str:
    return finding.saw.partition(":")[0]


def filled(text: str) -> str:
    """Replace each <name> by the text of that name."""
    return re.sub("<([a-z ]+)>", lambda match: EDITS["texts"][match[1]], text)


class Edit:
    """An edit of the correct workflow: its result, and the place of the finding that it causes."""

    def __init__(self, *, old: str = "", new: str = "", job: str = "", line: str | None = None, **_: str) -> None:
        match = re.search(rf"^  {job}:\n(?:(?:   .*)?\n)*", GOOD, re.MULTILINE) if job else None
        start, end = match.span() if match else (0, len(GOOD))
        part, old = GOOD[start:end], filled(old)
        assert old in part
        self.text = GOOD[:start] + part.replace(old or part, filled(new), 1) + GOOD[end:]
        pairs = zip_longest(GOOD.splitlines(), self.text.splitlines())
        number = next(number for number, (before, after) in enumerate(pairs, 1) if before != after)
        if line:
            number = self.text.count("\n", 0, self.text.index(line, start)) + 1
        self.place = FILE if line == "" else f"{FILE}:{number}"


def edits(section: str) -> Callable[[Any], Any]:
    """Run a test with each entry of a section as `entry`."""
    entries = EDITS[section]
    names = [f"{entry['rule']}: {entry['name']}" if "rule" in entry else entry["name"] for entry in entries]
    return pytest.mark.parametrize("entry", entries, ids=names)


def test_workflow_of_this_repository_keeps_the_contract(tmp_path: Path, policy: Policy) -> None:
    [finding] = check_with_zizmor(tmp_path, GOOD, policy)

    assert (finding.status, finding.looked_at) == ("ok", FILE)
    assert f"{len(RULES)} rules" in finding.saw


def test_rules_are_listed_on_request(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, GOOD)

    _, listed = workflow(tmp_path, policy, lists_rules=True)

    assert (listed.status, listed.looked_at) == ("ok", FILE)
    for artifact in policy.artifacts:
        assert f"`{artifact.name}` by `publish-{artifact.name}`" in listed.saw
    assert all(rule.name in listed.saw for rule in RULES if rule.name != "zizmor")


#: Rules for any workflow, whether it publishes or not.
HYGIENE = {
    *("keys", "cache mode", "caches", "secrets", "credentials", "checkouts", "empty uploads", "pins", "downloads"),
    *("pin comments", "known pins", "runners", "known runners", "action inputs", "recipes", "rehearsal", "failures"),
    *("tools", "time limit", "zizmor"),
}


#: The job with a newer Rust than the pinned one may fail.
ACCEPTED = {"ci.yml": [("failures", "`latest-rust` ignores a failure")]}


@pytest.mark.parametrize("path", sorted((REPOSITORY / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_all_workflows_of_this_repository_keep_the_general_rules(path: Path, policy: Policy) -> None:
    file = path.relative_to(REPOSITORY).as_posix()
    read = replace(WorkflowFile.read(REPOSITORY, file), audit=audit_workflow(Processes(REPOSITORY), file))
    rules = [rule for rule in RULES if rule.name in HYGIENE]

    assert len(rules) == len(HYGIENE)
    broken = [(rule.name, saw) for rule in rules for _, saw, _ in rule.violations(read, policy)]
    assert broken == ACCEPTED.get(path.name, [])


@edits("mutation")
def test_one_edit_causes_one_finding(tmp_path: Path, policy: Policy, entry: dict[str, str]) -> None:
    edit = Edit(**entry)
    if "other_file" in entry:
        other = tmp_path / entry["other_file"]
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text(filled(entry["text"]))
        assert statuses(check(tmp_path, GOOD, policy)) == ["ok"]

    findings = check(tmp_path, edit.text, policy)
    # A job of the contract with an edit also differs from the contract.
    [finding] = [item for item in findings if rule_of(item) != "contract" or entry["rule"] == "contract"]

    assert (finding.check, finding.status) == ("workflow", entry.get("status", "failed"))
    assert (rule_of(finding), finding.looked_at) == (entry["rule"], entry.get("place", edit.place))
    assert finding.saw.endswith(next(rule.why for rule in RULES if rule.name == entry["rule"]))
    assert finding.remedy


@edits("zizmor")
def test_one_edit_causes_one_report_of_zizmor(tmp_path: Path, policy: Policy, entry: dict[str, str]) -> None:
    edit = Edit(**entry)

    [finding] = [finding for finding in check_with_zizmor(tmp_path, edit.text, policy) if rule_of(finding) == "zizmor"]

    assert (finding.check, finding.status, finding.looked_at) == ("workflow", "failed", edit.place)
    assert finding.saw.startswith(f"zizmor: {entry['audit']}: ")
    assert entry["audit"] in finding.remedy


@edits("style")
def test_style_reports_of_zizmor_do_not_fail(tmp_path: Path, policy: Policy, entry: dict[str, str]) -> None:
    assert statuses(check_with_zizmor(tmp_path, Edit(**entry).text, policy)) == ["ok"]


@edits("harmless")
def test_harmless_edit_keeps_the_contract(tmp_path: Path, policy: Policy, entry: dict[str, str]) -> None:
    if "other_file" in entry:
        (tmp_path / entry["other_file"]).write_text(filled(entry["text"]))
    assert statuses(check(tmp_path, Edit(**entry).text, policy)) == ["ok"]


def test_every_rule_has_an_edit_that_breaks_it() -> None:
    assert {"crate order", "zizmor", *(entry["rule"] for entry in EDITS["mutation"])} == {rule.name for rule in RULES}


@pytest.mark.parametrize(("strict", "status"), [(False, "warning"), (True, "unknown")])
def test_missing_zizmor_leaves_the_other_rules_checked(
    tmp_path: Path, policy: Policy, strict: bool, status: str
) -> None:
    write(tmp_path, GOOD)

    contract, problem = workflow(tmp_path, policy, audit=Audit(missing="not on PATH"), strict=strict)

    assert (contract.status, problem.status) == ("ok", status)
    assert f"{len(RULES) - 1} rules" in contract.saw
    assert problem.remedy.endswith(f" install zizmor=={ZIZMOR}")


def test_failed_audit_is_unknown(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, GOOD)

    contract, problem = workflow(tmp_path, policy, audit=Audit.parse("no JSON"))

    assert (contract.status, problem.status) == ("ok", "unknown")
    assert problem.looked_at == problem.remedy
    assert problem.remedy.endswith(FILE)


@pytest.mark.parametrize("pattern", ["binoc*", "'*.source'"])
def test_pattern_that_matches_two_other_artifacts(tmp_path: Path, policy: Policy, pattern: str) -> None:
    findings = check(tmp_path, GOOD.replace("pattern: binoc.*", f"pattern: {pattern}", 1), policy)

    assert {rule_of(finding) for finding in findings} <= {"artifact patterns", "contract"}
    assert "`binoc-sqlite.fetched`" in str(findings) or "`binoc-sqlite.source`" in str(findings)
    assert "`binoc-sdk.fetched`" in str(findings) or "`binoc-sdk.source`" in str(findings)


def test_all_violations_are_reported_together(tmp_path: Path, policy: Policy) -> None:
    text = (
        GOOD.replace('"v*"', '"*"')
        .replace("    timeout-minutes: 60\n", "")
        .replace("environment: crates-io", "environment: x")
    )

    assert [rule_of(finding) for finding in check(tmp_path, text, policy)] == [
        "trigger",
        "time limit",
        "time limit",
        "contract",
    ]


@pytest.mark.parametrize(
    ("tag", "pattern", "problem"),
    [
        ("{version}", "[0-9]*", None),
        ("{version}", "*", "`a0.4.0`"),
        ("binoc-{version}", "binoc-*", None),
        ("binoc-{version}", "binoc*", "`binoc0.4.0`"),
        ("release/{version}", "release/*", None),
        ("release/{version}", "release*", "`release/0.4.0`"),
        ("release/{version}", "release**", "`"),
        ("{version}-final", "[0-9]*-final", None),
        ("v{version}-final", "v*", "`v0.4.0`"),
    ],
)
def test_trigger_follows_the_tag_of_the_policy(
    tmp_path: Path, policy: Policy, tag: str, pattern: str, problem: str | None
) -> None:
    prefix = tag.partition("{version}")[0]
    text = GOOD.replace('"v*"', f'"{pattern}"').replace("'refs/tags/v'", f"'refs/tags/{prefix}'")

    [finding] = check(tmp_path, text, replace(policy, tag=tag))

    assert finding.status == ("failed" if problem else "ok")
    assert problem is None or (rule_of(finding) == "trigger" and problem in finding.saw)


def test_artifact_is_published_by_the_job_with_its_environment(policy: Policy) -> None:
    read = WorkflowFile.read(REPOSITORY, FILE)

    assert [(artifact.name, job.id) for artifact, job in read.publishers(policy)] == [
        ("binoc", "publish-binoc"),
        ("binoc-sqlite", "publish-binoc-sqlite"),
        ("binoc-sdk", "publish-binoc-sdk"),
    ]


MATRIX = """\
jobs:
  a:
    strategy:
      matrix:
        fruit: [apple, pear]
        animal: [cat, dog]
        exclude: [{fruit: pear, animal: dog}]
        include:
          - {color: green}
          - {color: pink, animal: cat}
          - {fruit: apple, shape: {name: circle}}
          - {fruit: banana}
          - {fruit: banana, animal: cat}
"""


def test_matrix_is_combined_as_github_does(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text(MATRIX)
    [job] = WorkflowFile.read(tmp_path, "x.yml").jobs

    assert list(
        expanded(job, "${{matrix.fruit}} ${{ matrix.animal }} ${{ matrix.color }} ${{ matrix.shape.name }}")
    ) == [
        "apple cat pink circle",
        "apple dog green circle",
        "pear cat pink ${{ matrix.shape.name }}",
        "banana ${{ matrix.animal }} ${{ matrix.color }} ${{ matrix.shape.name }}",
        "banana cat ${{ matrix.color }} ${{ matrix.shape.name }}",
    ]


# Typical workflows of mixed projects


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        (
            "tokens",
            "permissions, cache mode, caches, concurrency, jobs, variables, needs, platforms, secrets, checkouts, "
            "artifact names, uploads, empty uploads, pins, runners, time limit, contract, zizmor",
        ),
        (
            "dispatch",
            "trigger, dispatch, cache mode, concurrency, publish job, jobs, gate, platforms, uploads, action inputs, "
            "tools, contract, zizmor",
        ),
        (
            "one-job",
            "trigger, permissions, caches, publish job, jobs, failures, checkouts, uploads, empty uploads, "
            "pins, pin comments, contract, zizmor",
        ),
    ],
)
def test_common_workflows_break_these_rules(tmp_path: Path, policy: Policy, name: str, broken: str) -> None:
    findings = check_with_zizmor(tmp_path, (WORKFLOWS / f"{name}.yml").read_text(), policy)

    assert ", ".join(dict.fromkeys(map(rule_of, findings))) == broken


# Files that cannot be read


def test_without_a_policy_the_check_is_a_warning(tmp_path: Path) -> None:
    [finding] = workflow(tmp_path, Policy())

    assert finding.status == "warning"
    assert "[tool.binoc-runbook]" in finding.remedy


def test_missing_file_is_reported_with_the_existing_ones(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, GOOD)

    [finding] = workflow(tmp_path, replace(policy, workflow="release.yml"))

    assert (finding.status, finding.looked_at) == ("failed", ".github/workflows/release.yml")
    assert "`publish.yml`" in finding.saw


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("jobs: [\n", ":2"),
        ("on: push\n\tjobs: {}\n", ":2"),
        ("a: *b\n", ":1"),
        ("---\na: 1\n---\nb: 2\n", ":3"),
        pytest.param("[" * 300_000, ":1", id="flow nesting"),
        pytest.param("- " * 100_000, ":1", id="block nesting"),
        ("", ""),
        ("- a\n", ""),
        ("on: push\n", ""),
        ("on: push\njobs: {}\n", ""),
        ("on: push\njobs: all\n", ""),
    ],
)
def test_invalid_workflow_is_refused(tmp_path: Path, policy: Policy, text: str, where: str) -> None:
    [finding] = check(tmp_path, text, policy)

    assert (finding.status, finding.looked_at) == ("failed", f"{FILE}{where}")


def test_binary_file_is_refused(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, "")
    (tmp_path / FILE).write_bytes(b"\xff\xfe")

    [finding] = workflow(tmp_path, policy)

    assert (finding.status, finding.looked_at) == ("failed", FILE)


@pytest.mark.parametrize(
    "text",
    [
        "on: push\njobs:\n  a:\n",
        "on:\njobs: {a: [], b: x, c: {steps: {}, needs: {a: b}, permissions: [], environment: []}}\n",
        "on: [push, {a: b}]\nconcurrency: []\npermissions: []\njobs: {a: {steps: [x, [y], {uses: [z], run: {}}]}}\n",
        "on: {push: {tags: {a: b}}}\njobs: {a: {needs: a, if: [x]}}\n",
        "jobs: {a: &x {needs: [*x], b: *x, steps: &y [*y]}}\n",
        "jobs: {[a, b]: {c: d}, {e: f}: g}\n",
        "jobs: {a: {strategy: {matrix: [x]}, runs-on: '${{ matrix.x.y }}'}, b: {strategy: {matrix: {x: y}}}}\n",
        "jobs: {a: {strategy: {matrix: {x: [1, [2]], include: [3, {x: {}}], exclude: [{}]}}, runs-on: {group: x}}}\n",
        "jobs: {a: {uses: ./.github/workflows/publish.yml}, b: {uses: ./../x}, c: {uses: './\\0'}}\n",
        f"jobs: {{a: {{steps: [{{uses: ./{'x' * 9000}}}, {{uses: ./}}]}}}}\n",
        "jobs: {a: {env: [x], steps: [{run: '${{ a', env: {X_TOKEN: [y]}, with: [z]}, {run: '| && ;'}]}}\n",
        f"jobs: {{uv: {{steps: [{{uses: actions/download-artifact@x, with: {{name: '{'{a,b}' * 40}'}}}}, "
        f"{{run: uv publish}}, {{uses: actions/upload-artifact@x, with: {{path: '{'*' * 9000}x'}}}}]}}}}\n",
        "on: {push: {tags: ['[', '[]a', '+', '?', '[z-a]', '!', '\\']}}\njobs: {a: {needs: b}, b: {needs: a}}\n",
    ],
)
def test_any_yaml_causes_findings_and_no_exception(tmp_path: Path, policy: Policy, text: str) -> None:
    findings = check(tmp_path, text, policy)

    assert set(statuses(findings)) <= {"failed", "warning"}
    assert "failed" in statuses(findings)
    assert all(finding.looked_at.startswith(FILE) and finding.remedy for finding in findings)


def test_aliases_are_followed_once(tmp_path: Path, policy: Policy) -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert check(tmp_path, f"l0: &l0 [lol]\n{layers}{GOOD}", policy)


def test_single_rules_can_be_checked(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, GOOD.replace("id-token: write", "id-token: none", 1))
    rules = {rule.name: rule for rule in RULES}

    finding, listed = workflow(tmp_path, policy, [rules["secrets"], rules["pins"]], lists_rules=True)

    assert (finding.status, listed.status) == ("ok", "ok")
    assert listed.saw.endswith("secrets, pins")
    [broken] = workflow(tmp_path, policy, [rules["contract"]])
    assert broken.status == "failed"


def test_installed_tools_have_the_pinned_versions() -> None:
    requirements = (REPOSITORY / "requirements/build.txt").read_text("utf-8").split()

    pinned = [word for step in INSTALLATIONS.values() for word in step.split() if "==" in word]

    assert pinned
    assert set(pinned) <= set(requirements)
