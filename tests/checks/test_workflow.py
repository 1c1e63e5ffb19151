"""The contract of the publish workflow, by mutation: one change to a good workflow, the one finding it must cause."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from binoc_runbook.checks.workflow import RULES, WorkflowFile, workflow
from binoc_runbook.checks.workflow.audit import ZIZMOR, Audit
from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.policy import MANIFEST_OF, Policy
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.zizmor import audit_workflow

if TYPE_CHECKING:
    from binoc_runbook.finding import Finding

REPOSITORY = Path(__file__).parents[2]
FILE = ".github/workflows/publish.yml"
GOOD = (REPOSITORY / FILE).read_text()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The policy of this repository, read where its artifacts are empty directories."""
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


def findings(root: Path, text: str, policy: Policy) -> list[Finding]:
    """What the rules of this library find, as if zizmor had reported nothing."""
    write(root, text)
    return list(workflow(root, policy, audit=Audit()))


def audited(root: Path, text: str, policy: Policy) -> list[Finding]:
    """What all rules find, with the reports of the real zizmor."""
    write(root, text)
    return list(workflow(root, policy, audit=audit_workflow(Processes(root), FILE)))


def line(text: str, part: str) -> str:
    """The place of the first line that holds `part`."""
    return f"{FILE}:{text[: text.index(part)].count(chr(10)) + 1}"


def test_the_workflow_of_this_repository_keeps_the_contract(tmp_path: Path, policy: Policy) -> None:
    [finding] = audited(tmp_path, GOOD, policy)

    assert (finding.status, finding.looked_at) == ("ok", FILE)
    for artifact in policy.artifacts:
        assert f"`{artifact.name}` by `publish-{artifact.name}`" in finding.saw
    assert all(rule.name in finding.saw for rule in RULES)


#: What any workflow should keep to, whether it publishes or not.
HYGIENE = {
    *("keys", "cache mode", "caches", "secrets", "credentials", "checkouts", "empty uploads", "pins", "downloads"),
    *("pin comments", "known pins", "runners", "known runners", "action inputs", "recipes", "rehearsal", "failures"),
    *("time limit", "zizmor"),
}


@pytest.mark.parametrize("path", sorted((REPOSITORY / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_the_other_workflows_of_this_repository_hold_to_the_same_hygiene(path: Path, policy: Policy) -> None:
    file = path.relative_to(REPOSITORY).as_posix()
    read = replace(WorkflowFile.read(REPOSITORY, file), audit=audit_workflow(Processes(REPOSITORY), file))
    rules = [rule for rule in RULES if rule.name in HYGIENE]

    assert len(rules) == len(HYGIENE)
    assert [(rule.name, saw) for rule in rules for _, saw, _ in rule.violations(read, policy)] == []


GATE = "    if: startsWith(github.ref, 'refs/tags/v') && (github.event_name == 'push' || inputs.artifact == 'binoc')\n"
DISPATCH = GOOD[GOOD.index("  workflow_dispatch:\n") : GOOD.index("permissions: {}\n")]
PUBLISH_BINOC = GOOD[GOOD.index("  publish-binoc:") : GOOD.index("  publish-binoc-sqlite:")]
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
CARGO_PACKAGE = "      - run: cargo package -p binoc-sdk --locked --no-verify && cmp a b\n"
MATURIN = "e83996d129638aa358a18fbd1dfb82f0b0fb5d3b"
UV_PUBLISH = "      - run: uv publish --trusted-publishing always\n"
PYPI_ACTION = "      - uses: pypa/gh-action-pypi-publish@dc37677b2e1c63e2034f94d8a5b11f265b73ba33 # v1.14.2\n"
RUST_CACHE = "      - uses: Swatinem/rust-cache@6323deb102c322ba6fcbdcafc7e3dddab59af2b6 # v2.9.2\n"
PLAIN_CHECKOUT = f"      - uses: {CHECKOUT} # v7.0.1\n        with: {{persist-credentials: false}}\n"
UNTRUSTED = "  pull_request_target:\n    types: [opened]\n"
REUSABLE = """\
  publish-binoc:
    name: Publish binoc to PyPI
    needs: [check-dists, verify-crate]
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
    # what a run may do
    ("secrets", "steps.auth.outputs.token", "secrets.CARGO_TOKEN", "secrets.", "`CARGO_REGISTRY_TOKEN`", "delete it"),
    ("secrets", "steps.auth.outputs.token", "secrets['X']", "secrets[", "secrets['X']", "delete it"),
    ("secrets", "steps.auth.outputs.token", "toJSON( Secrets )", "toJSON", "toJSON( Secrets )", "delete it"),
    ("secrets", "'refs/tags/v')", "'refs/tags/v') && secrets.X != ''", "secrets.X", "`if` reads", "delete it"),
    (
        "trigger",
        "  push:\n",
        f"{UNTRUSTED}  push:\n",
        "pull_request_target",
        "starts it",
        "delete `pull_request_target`",
    ),
    ("trigger", "  push:\n", "  workflow_run: {}\n  push:\n", "workflow_run", "`workflow_run`", "delete"),
    ("trigger", "  push:\n", "  issue_comment: {}\n  push:\n", "issue_comment", "`issue_comment`", "delete"),
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
        "  publish-binoc: {needs: publish-binoc-sdk, runs-on: ubuntu-24.04, timeout-minutes: 5}\n",
        "",
        "no job publishes `binoc`, which pyproject.toml:",
        "environment: pypi-binoc",
    ),
    (
        "publish job",
        PUBLISH_BINOC,
        PUBLISH_BINOC
        + PUBLISH_BINOC.replace("publish-binoc", "again").replace("pypi-binoc", "pypi-again").replace("binoc.*", "x.*"),
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
        "      id-token: write # to authenticate to crates.io",
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
        "`sources` can have a token",
        "delete `id-token: write`",
    ),
    (
        "token",
        "      contents: read # to check out",
        "      write-all",
        "write-all",
        "`sources` can have a token",
        "delete",
    ),
    (
        "token alone",
        "id-token: write # to authenticate to PyPI",
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
        "needs: [check-dists, verify-crate]",
        "needs: [check-dists]",
        "needs: [check-dists]",
        "`verify-crate`",
        "verify-crate]",
    ),
    (
        "needs",
        "    needs: [check-dists, verify-crate]\n",
        "",
        "  publish-binoc:",
        "`sources`, `wheels`, `check-dists`, `verify-crate`",
        "needs: [",
    ),
    (
        "needs",
        "needs: [check-dists, verify-crate]",
        "needs: [check-dists, verify-crate, tests]",
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
    (
        "failures",
        "      - run: ./just verify-crate --install",
        "      - run: ./just verify-crate --install\n        continue-on-error: true",
        "continue-on-error",
        "`verify-crate` succeeds though",
        "delete `continue-on-error`",
    ),
    # what runs
    ("pins", f"{CHECKOUT} # v7.0.1", "actions/checkout@v7", "checkout@v7", "no fixed commit", "its tag as a comment"),
    ("pins", f"{CHECKOUT} # v7.0.1", "actions/checkout", "uses: actions/checkout\n", "no fixed commit", "commit"),
    ("pins", f"{CHECKOUT} # v7.0.1", CHECKOUT, CHECKOUT, "nobody sees which release", "`# v1.2.3`"),
    ("pins", f"{CHECKOUT} # v7.0.1", f"{CHECKOUT} # main", CHECKOUT, "nobody sees which release", "`# v1.2.3`"),
    ("pins", f"{CHECKOUT} # v7.0.1", "docker://alpine:3", "alpine", "no fixed image", "sha256"),
    (
        "downloads",
        "run: ./just verify-crate --install",
        "run: curl -sSf x/install | sh -s -- -y && ./just verify-crate --install",
        "curl",
        "runs whatever `curl -sSf x/install` gets today",
        "pinned action",
    ),
    (
        "pin comments",
        f"{CHECKOUT} # v7.0.1",
        f"{CHECKOUT} # v6.0.0",
        CHECKOUT,
        "v7.0.1, and the comment says v6.0.0",
        "`# v7.0.1`",
    ),
    (
        "pin comments",
        f"{CHECKOUT} # v7.0.1",
        f"actions/checkout@{'a' * 40} # v7.0.1",
        "aaa",
        "is not v7.0.1",
        CHECKOUT,
    ),
    (
        "known pins",
        f"{CHECKOUT} # v7.0.1",
        f"Actions/Checkout@{'a' * 40} # v7.0.2",
        "aaa",
        "not been looked up",
        "which commit v7.0.2 is",
    ),
    (
        "runners",
        "  sources:\n    name: Source distributions and crate\n    runs-on: ubuntu-24.04",
        "  sources:\n    runs-on: ubuntu-latest",
        "ubuntu-l",
        "moves",
        "`ubuntu-24.04`",
    ),
    (
        "runners",
        "  sources:\n    name: Source distributions and crate\n    runs-on: ubuntu-24.04",
        "  sources:\n    runs-on: [ubuntu-20.04]",
        "ubuntu-20",
        "2025-04-15",
        "`ubuntu-24.04`",
    ),
    (
        "runners",
        "runner: macos-15\n",
        "runner: macos-14\n",
        "${{ matrix.runner }}\n    timeout",
        "`macos-14`, which is retired since 2026-11-02",
        "`macos-15`",
    ),
    (
        "runners",
        "        include:\n",
        "        include:\n          - {platform: x, target: y, runner: macos-13-large}\n",
        "${{ matrix.runner }}\n    timeout",
        "2025-12-04",
        "`macos-15-intel`",
    ),
    (
        "known runners",
        "runner: macos-15\n",
        "runner: macos-51\n",
        "${{ matrix.runner }}\n    timeout",
        "`wheels` runs on `macos-51`",
        "hosted",
    ),
    ("toolchain", "env:\n  RUSTUP_TOOLCHAIN: 1.95.0\n", "", "", "which release of Rust", "RUSTUP_TOOLCHAIN: 1"),
    ("toolchain", "TOOLCHAIN: 1.95.0", "TOOLCHAIN: stable", "stable", "`stable` is no fixed release", "1.95.0"),
    (
        "action inputs",
        "persist-credentials: false",
        "persist-credentials: false\n          fetch_depth: 0",
        "fetch_depth",
        "`actions/checkout` has no input `fetch_depth`",
        "`fetch-depth`",
    ),
    (
        "action inputs",
        "          merge-multiple: true\n",
        "          merge-multiples: true\n",
        "merge-multiples",
        "no input `merge-multiples`",
        "`merge-multiple`",
    ),
    (
        "rehearsal",
        "env:\n",
        "env:\n  BINOC_RUNBOOK_REHEARSAL: 1\n",
        "BINOC_RUNBOOK",
        "the workflow sets `BINOC_RUNBOOK_REHEARSAL`",
        "delete",
    ),
    (
        "rehearsal",
        "          BINOC_PINS: build\n",
        "          BINOC_ENVIRONMENT: x\n",
        "BINOC_ENVIRONMENT",
        "`sources` sets `BINOC_ENVIRONMENT`",
        "delete",
    ),
    # what is left over from other runs
    ("cache mode", "cache-mode: none\n", "", "", "no `cache-mode`", "`cache-mode: none` on top"),
    ("cache mode", "cache-mode: none\n", "cache-mode: read\n", "cache-mode", "share a cache", "`cache-mode: none`"),
    (
        "cache mode",
        "    timeout-minutes: 60\n",
        "    timeout-minutes: 60\n    cache-mode: write\n",
        "cache-mode: write",
        "lets `wheels`",
        "none`",
    ),
    (
        "caches",
        "      - run: ./just verify-crate --install",
        f"{RUST_CACHE}      - run: ./just verify-crate --install",
        "Swatinem",
        "`verify-crate` uses a cache, by `swatinem/rust-cache`",
        "delete the step",
    ),
    (
        "caches",
        '          python-version: "3.13"\n',
        '          python-version: "3.13"\n          cache: pip\n',
        "cache: pip",
        "`cache: pip`",
        "delete `cache`",
    ),
    (
        "caches",
        "enable-cache: false",
        "enable-cache: auto",
        "enable-cache: auto",
        "`enable-cache: auto`",
        "`enable-cache: false`",
    ),
    (
        "caches",
        "          enable-cache: false\n",
        "",
        "astral-sh/setup-uv",
        "unless it is told not to",
        "`enable-cache: false`",
    ),
    # what publish jobs run
    (
        "publish only",
        UV_PUBLISH,
        f"      - run: ./just dist\n{UV_PUBLISH}",
        "run: ./just dist\n      - run: uv",
        "`publish-binoc` runs `./just dist`",
        "in a job without",
    ),
    (
        "publish only",
        "run: uv publish --trusted-publishing always",
        "run: pip install . && uv publish",
        "run: pip",
        "runs `pip install .`",
        "in a job without",
    ),
    (
        "publish only",
        UV_PUBLISH,
        "      - uses: ./.github/actions/upload\n" + UV_PUBLISH,
        "uses: ./",
        "uses `./.github/actions/upload`",
        "in a job without",
    ),
    (
        "publish only",
        "      - uses: astral-sh",
        f"{PLAIN_CHECKOUT}      - uses: astral-sh",
        f"{CHECKOUT} # v7.0.1\n        with: {{",
        "`publish-binoc` uses `actions/checkout`",
        "in a job without",
    ),
    (
        "publish only",
        UV_PUBLISH,
        f"      - uses: PyO3/maturin-action@{MATURIN} # v1.51.0\n        with: {{command: upload, args: dist/*}}\n",
        "PyO3",
        "`publish-binoc` uses `pyo3/maturin-action`",
        "in a job without",
    ),
    (
        "publish only",
        "run: uv publish --trusted",
        "run: ./with-care uv publish --trusted",
        "./with-care",
        "runs `./with-care uv publish",
        "in a job without",
    ),
    (
        "publish only",
        "run: uv publish --trusted",
        'run: echo "$(./count)" && uv publish --trusted',
        "./count",
        "runs `echo",
        "in a job without",
    ),
    (
        "caches",
        "env:\n",
        "env:\n  SCCACHE_GHA_ENABLED: on\n",
        "SCCACHE",
        "`SCCACHE_GHA_ENABLED`",
        "delete",
    ),
    (
        "no verify",
        "publish -p binoc-sdk --locked --no-verify",
        "publish -p binoc-sdk --locked",
        "run: cargo publish",
        "compiles the crate",
        "--no-verify",
    ),
    (
        "locked",
        "publish -p binoc-sdk --locked --no-verify",
        "publish -p binoc-sdk --no-verify",
        "run: cargo publish",
        "whatever versions",
        "--locked",
    ),
    (
        "existing files",
        UV_PUBLISH,
        PYPI_ACTION + "        with: {skip-existing: true}\n",
        "skip-existing",
        "there already",
        "delete `skip-existing`",
    ),
    (
        "existing files",
        "--trusted-publishing always",
        "--check-url=x",
        "--check-url",
        "there already",
        "delete `--check-url`",
    ),
    (
        "existing files",
        "run: uv publish --trusted-publishing always",
        "run: twine upload --skip-existing dist/*",
        "twine",
        "there already",
        "delete `--skip-existing`",
    ),
    (
        "attestations",
        UV_PUBLISH,
        PYPI_ACTION + "        with: {attestations: false}\n",
        "attestations: false",
        "without attestations",
        "delete `attestations`",
    ),
    (
        "attestations",
        "--trusted-publishing always",
        "--no-attestations",
        "--no-att",
        "without attestations",
        "delete `--no-att",
    ),
    # what could be stolen
    (
        "credentials",
        "${{ steps.auth.outputs.token }}",
        "${{ vars.TOKEN }}",
        "CARGO_REGISTRY_TOKEN",
        "`CARGO_REGISTRY_TOKEN`",
        "delete it",
    ),
    (
        "credentials",
        "CARGO_REGISTRY_TOKEN: ${{ steps.auth.outputs.token }}",
        "X_PASSWORD: abc",
        "X_PASSWORD",
        "`X_PASSWORD`",
        "delete it",
    ),
    (
        "credentials",
        "env:\n",
        "env:\n  PYPI_API_KEY: x\n",
        "PYPI_API_KEY",
        "every job",
        "delete it",
    ),
    (
        "credentials",
        "      - run: cargo publish",
        "      - run: cargo publish --token abc",
        "--token",
        "`--token` gives",
        "delete it",
    ),
    (
        "credentials",
        "CARGO_REGISTRY_TOKEN: $",
        "X: pypi-AgEx\n          CARGO_REGISTRY_TOKEN: $",
        "X: pypi",
        "`X` gives",
        "delete it",
    ),
    (
        "credentials",
        "run: uv publish --trusted-publishing always",
        "run: twine upload -p abc dist/*",
        "twine",
        "`-p` gives",
        "delete it",
    ),
    ("credentials", UV_PUBLISH, PYPI_ACTION + "        with: {password: abc}\n", "password", "`password`", "delete it"),
    (
        "checkouts",
        "          persist-credentials: false\n",
        "          fetch-depth: 1\n",
        CHECKOUT,
        "the checkout of `sources`",
        "persist-credentials: false",
    ),
    (
        "checkouts",
        "persist-credentials: false",
        "persist-credentials: true",
        "persist-credentials: true",
        "the checkout of `sources`",
        "false",
    ),
    # which files are published
    (
        "artifact names",
        "name: binoc-sqlite.source",
        "name: binoc.source",
        "name: binoc.source\n          path: dist/binoc_",
        "the same name, `binoc.source`",
        "of its own",
    ),
    (
        "artifact names",
        "name: binoc.${{ matrix.platform }}",
        "name: binoc.wheel",
        "name: binoc.wheel",
        "for 8 entries of its matrix",
        "matrix",
    ),
    (
        "artifact patterns",
        "pattern: binoc.*",
        "pattern: binoc*.*64",
        "pattern: binoc*.*64",
        "`binoc*.*64` of `publish-binoc` also takes `binoc-sqlite.manylinux_2_17_x86_64`",
        "no pattern of another",
    ),
    (
        "artifact patterns",
        "pattern: binoc-sqlite.*",
        'pattern: "{binoc,binoc-sqlite}.*"',
        "{binoc,",
        "of `publish-binoc-sqlite` also takes `binoc.source`",
        "no pattern",
    ),
    ("uploads", "path: dist/binoc-*.tar.gz", "path: .", "path: .\n", "the whole checkout: `.`", "dist/*.whl"),
    (
        "uploads",
        "path: dist/binoc-*.tar.gz",
        "path: ${{ github.workspace }}",
        "path: ${{ github.workspace",
        "the whole checkout",
        "dist/*.whl",
    ),
    ("uploads", "path: dist/binoc-*.tar.gz", "path: '**'", "path: '**'", "the whole checkout", "dist/*.whl"),
    ("uploads", "path: dist/binoc-*.tar.gz", "path: target/wheels/*", "target/wheels", "not in `dist`", "dist/*.whl"),
    (
        "empty uploads",
        "          if-no-files-found: error\n",
        "",
        "name: binoc.source",
        "nothing to upload",
        "`if-no-files-found: error`",
    ),
    (
        "empty uploads",
        "if-no-files-found: error",
        "if-no-files-found: warn",
        "found: warn",
        "nothing to upload",
        "error`",
    ),
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

    broken = next(each for each in RULES if each.name == rule)
    assert (finding.check, finding.status) == ("workflow", broken.status)
    assert finding.saw.startswith(f"{rule}: ")
    assert saw in finding.saw
    assert finding.saw.endswith(broken.why)
    assert edit in finding.remedy
    assert finding.looked_at == (line(text, at) if at else FILE)


OTHERS = ("check-tag", "sources", "rust-target", "wheels", "sums", "check-dists", "verify", "github-release")
JUSTFILE = "dist:\nverify-crate what='all': dist\n\tpytest\ncheck := 'x'\nalias tests := verify-crate\n" + "".join(
    f"{name}:\n" for name in OTHERS
)
ACTION = ".github/actions/x/action.yml"
LOCAL = "      - uses: ./.github/actions/x\n      - run: ./just verify-crate --install"
TIME_LIMIT = "    timeout-minutes: 60\n"
COMPLETED = "{workflows: [ci], types: [completed]}"
NOTES = "  notes: {needs: publish-binoc, uses: ./.github/workflows/notes.yml}\n  publish-binoc-sdk:\n"
CALLED = ".github/workflows/notes.yml"

# Each: the rule, what is replaced by what, another file and its text, the place of the finding, a word of what was
# seen, and a word of the edit.
BESIDE = [
    (
        "recipes",
        "run: ./just verify-crate --install",
        "run: cargo test",
        "justfile",
        JUSTFILE,
        FILE,
        "which is no recipe",
        "justfile",
    ),
    (
        "recipes",
        "run: ./just verify-crate --install",
        "run: just check",
        "justfile",
        JUSTFILE,
        FILE,
        "no such recipe",
        "there is",
    ),
    (
        "elsewhere",
        "      - run: ./just verify-crate --install",
        LOCAL,
        ACTION,
        "name: x\nruns:\n  using: composite\n  steps:\n    - {run: twine upload dist/*, shell: bash}\n",
        f"{ACTION}:2",
        "publishes at pypi",
        f"publish in `{FILE}`",
    ),
    (
        "elsewhere",
        "  publish-binoc-sdk:\n",
        NOTES,
        CALLED,
        "on: workflow_call\njobs:\n  late:\n    steps:\n      - run: cargo publish --locked --no-verify\n",
        f"{CALLED}:3",
        "which `notes` uses, publishes at crates.io",
        "delete it there",
    ),
    (
        "elsewhere",
        "  publish-binoc-sdk:\n",
        NOTES,
        CALLED,
        "on: workflow_call\njobs:\n  late:\n    permissions:\n      id-token: write\n",
        f"{CALLED}:5",
        "`late` can have a token",
        "delete it there",
    ),
    (
        "secrets",
        "      - run: ./just verify-crate --install",
        LOCAL.replace("./.github", "$/.github"),
        ACTION,
        "runs:\n  steps:\n    - run: x\n      env: {A: '${{ secrets.B }}'}\n",
        f"{ACTION}:4",
        "`A` reads a stored secret",
        "delete it",
    ),
    (
        "pins",
        "      - run: ./just verify-crate --install",
        LOCAL,
        ACTION,
        "runs:\n  steps:\n    - uses: a/b@v1\n",
        f"{ACTION}:3",
        "`a/b@v1` is no fixed commit",
        "its tag as a comment",
    ),
]


@pytest.mark.parametrize(("rule", "good", "bad", "beside", "text", "at", "saw", "edit"), BESIDE)
def test_what_lies_beside_the_workflow_is_read_with_it(
    tmp_path: Path,
    policy: Policy,
    rule: str,
    good: str,
    bad: str,
    beside: str,
    text: str,
    at: str,
    saw: str,
    edit: str,
) -> None:
    (tmp_path / beside).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / beside).write_text(text)
    assert [each.status for each in findings(tmp_path, GOOD, policy)] == ["ok"]
    assert good in GOOD

    [finding] = findings(tmp_path, GOOD.replace(good, bad, 1), policy)

    assert finding.status == next(each.status for each in RULES if each.name == rule)
    assert finding.saw.startswith(f"{rule}: ")
    assert saw in finding.saw
    assert edit in finding.remedy
    assert finding.looked_at == at or (at == FILE and finding.looked_at.startswith(f"{FILE}:"))


# Each: the audit of zizmor, what is replaced by what, and the line of the finding.
REPORTED = [
    ("dangerous-triggers", "  push:\n", f"{UNTRUSTED}  push:\n", "pull_request_target"),
    ("dangerous-triggers", "  push:\n", f"  workflow_run: {COMPLETED}\n  push:\n", "workflow_run"),
    ("dangerous-triggers", "  push:\n", "  issue_comment: {}\n  push:\n", "issue_comment"),
    ("excessive-permissions", "permissions: {}\n", "", "name: publish"),
    ("excessive-permissions", "permissions: {}", "permissions: write-all", "write-all"),
    ("excessive-permissions", "permissions: {}", "permissions: {id-token: write}", "{id-token"),
    ("unpinned-images", TIME_LIMIT, f"{TIME_LIMIT}    container: quay.io/pypa/manylinux_2_28\n", "quay.io"),
    ("unpinned-images", TIME_LIMIT, f"{TIME_LIMIT}    services: {{db: {{image: 'postgres:17'}}}}\n", "postgres"),
    ("template-injection", "crate --install", "crate --install ${{ github.ref_name }}", "github.ref_name"),
    ("template-injection", "crate --install", "crate --install ${{ inputs.tag }}", "inputs.tag"),
    ("template-injection", "crate --install", "crate '${{ github.event.head_commit.message }}'", "github.event"),
    ("secrets-inherit", "  publish-binoc-sdk:\n", NOTES.replace("notes.yml", "notes.yml, secrets: inherit"), "inherit"),
]


@pytest.mark.parametrize(("audit", "good", "bad", "at"), REPORTED)
def test_one_change_causes_the_one_report_of_zizmor(
    tmp_path: Path, policy: Policy, audit: str, good: str, bad: str, at: str
) -> None:
    assert good in GOOD
    text = GOOD.replace(good, bad, 1)

    [finding] = [each for each in audited(tmp_path, text, policy) if each.saw.startswith("zizmor: ")]

    assert (finding.check, finding.status) == ("workflow", "failed")
    assert finding.saw.startswith(f"zizmor: {audit}: ")
    assert finding.looked_at == line(text, at)
    assert audit in finding.remedy


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("run: ./just verify-crate --install", "run: ./just verify-crate ${{ matrix.refs }} ${{ github.sha }}"),
        (f"uses: {CHECKOUT} # v7.0.1", "uses: ./.github/actions/checkout"),
        ("    runs-on: ubuntu-24.04", "    runs-on: [self-hosted, anything]"),
        ("contents: read # to check out", "contents: read"),
    ],
)
def test_advice_of_zizmor_about_style_is_not_part_of_the_contract(
    tmp_path: Path, policy: Policy, good: str, bad: str
) -> None:
    assert good in GOOD

    assert [each.status for each in audited(tmp_path, GOOD.replace(good, bad, 1), policy)] == ["ok"]


@pytest.mark.parametrize(("strict", "status"), [(False, "warning"), (True, "unknown")])
def test_without_the_pinned_zizmor_the_other_rules_are_checked(
    tmp_path: Path, policy: Policy, strict: bool, status: str
) -> None:
    write(tmp_path, GOOD)

    contract, problem = workflow(tmp_path, policy, audit=Audit(missing="not on PATH"), strict=strict)

    assert (contract.status, problem.status) == ("ok", status)
    assert "zizmor" not in contract.saw
    assert problem.remedy.endswith(f" install zizmor=={ZIZMOR}")


def test_a_workflow_that_zizmor_could_not_audit_is_unknown(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, GOOD)

    contract, problem = workflow(tmp_path, policy, audit=Audit.parse("no JSON"))

    assert (contract.status, problem.status) == ("ok", "unknown")
    assert problem.looked_at == problem.remedy
    assert problem.remedy.endswith(FILE)


@pytest.mark.parametrize("pattern", ["binoc*", "'*.source'"])
def test_a_pattern_that_takes_in_the_artifacts_of_two_others(tmp_path: Path, policy: Policy, pattern: str) -> None:
    found = findings(tmp_path, GOOD.replace("pattern: binoc.*", f"pattern: {pattern}", 1), policy)

    assert {finding.saw.partition(":")[0] for finding in found} == {"artifact patterns"}
    assert "also takes `binoc-sqlite.source`" in str(found)
    assert "also takes `binoc-sdk.source`" in str(found)


def test_a_workflow_that_checks_nothing_before_it_publishes(tmp_path: Path, policy: Policy) -> None:
    text = re.sub(r"\./just (?:check|verify)\S*", "./just build", GOOD)

    [finding] = findings(tmp_path, text, policy)

    assert finding.saw.startswith("checks: no job checks anything")
    assert "`just test-code`" in finding.remedy


def test_every_rule_has_a_change_that_breaks_it() -> None:
    assert {"checks", "zizmor", *(each[0] for each in (*MUTATIONS, *BESIDE))} == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        # what means the same, or less
        ("\non:\n", '\n"on":\n'),
        ('tags: ["v*"]', "tags: v*"),
        ('tags: ["v*"]', "tags: ['v[0-9]*']"),
        ('tags: ["v*"]', 'tags: ["v[0-9]+.[0-9]+.[0-9]+", "v[0-9]+.[0-9]+.[0-9]+-*"]'),
        (DISPATCH, ""),
        ("  cancel-in-progress: false\n", ""),
        ("environment: pypi-binoc\n", "environment: {name: PyPI-Binoc}\n"),
        (GATE, "    if: ${{ startsWith( github.ref, 'refs/tags/v' ) && github.repository == 'harvard-lil/binoc' }}\n"),
        (GATE, "    if: github.event_name == 'push' && (github.actor != 'a' || github.actor != 'b')\n"),
        # what only looks like a breach
        ("run: ./just verify-crate --install", "run: ./just verify-crate --install # secrets.X"),
        ("run: ./just verify-crate --install", "run: cargo publish --dry-run -p binoc-sdk && just check-dists"),
        ("run: ./just verify-crate --install", "run: echo uv-publish; pytest"),
        ("steps.auth.outputs.token", "steps.secrets.outputs.token"),
        (f"uses: {CHECKOUT} # v7.0.1", "uses: ./.github/actions/checkout"),
        ("env:\n", "env:\n  CARGO_TERM_COLOR: always\n  TOKENS: x\n  GH_TOKEN: ''\n"),
        (
            "      matrix:\n",
            "      matrix:\n        runner: [windows-2025, macos-26]\n        exclude: [{runner: macos-26}]\n",
        ),
        ("    runs-on: ubuntu-24.04", "    runs-on: [self-hosted, anything]"),
        ("name: binoc.${{ matrix.platform }}", "name: binoc.${{ strategy.job-index }}"),
        ("path: dist/binoc-*.tar.gz", "path: |\n            ./dist/*.tar.gz\n            !**/*.whl"),
        (
            "run: ./just verify-crate --install",
            "run: ./just verify-crate --install ${{ matrix.refs }} ${{ github.sha }}",
        ),
        (f"{CHECKOUT} # v7.0.1", f"{CHECKOUT} # 7.0.1, the newest"),
        ("    timeout-minutes: 60\n", f"    timeout-minutes: 60\n    container: {{image: 'a/b@sha256:{'0' * 64}'}}\n"),
        (
            "run: ./just verify-crate --install",
            "run: curl -o x y && sha256sum -c z && bash x; ./just verify-crate --install",
        ),
        ("run: uv publish", "run: A=b uvx twine upload dist/* #"),
        ("      - run: cargo publish", CARGO_PACKAGE + "      - run: cargo publish"),
        ("run: uv publish --trusted-publishing always", "run: sha256sum -c x && uv publish"),
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
    text = GOOD.replace(DISPATCH, "").replace(GATE, "")

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
    text = text.replace(DISPATCH, "")

    [finding] = findings(tmp_path, text, replace(policy, tag=tag))

    assert finding.status == ("failed" if saw else "ok")
    assert saw is None or saw in finding.saw


def test_each_artifact_is_published_by_the_job_that_has_its_environment(policy: Policy) -> None:
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


def test_a_matrix_is_combined_as_github_does(tmp_path: Path) -> None:
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


# Workflows in the shape that mixed projects have


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        (
            "tokens",
            "cache mode, caches, concurrency, environment, token, publish only, no verify, locked, existing files, "
            "needs, checks, secrets, checkouts, artifact names, empty uploads, pins, runners, toolchain, time limit, "
            "zizmor",
        ),
        (
            "dispatch",
            "trigger, cache mode, concurrency, publish job, environment, token alone, inline, gate, checks, "
            "toolchain, zizmor",
        ),
        (
            "one-job",
            "trigger, caches, publish job, token alone, publish only, attestations, checks, failures, checkouts, "
            "uploads, empty uploads, pins, pin comments, toolchain, zizmor",
        ),
    ],
)
def test_workflows_of_a_familiar_shape_break_what_they_are_known_for(
    tmp_path: Path, policy: Policy, name: str, broken: str
) -> None:
    text = (Path(__file__).parent / "workflows" / f"{name}.yml").read_text()

    found = audited(tmp_path, text, policy)

    assert ", ".join(dict.fromkeys(finding.saw.partition(":")[0] for finding in found)) == broken


# What cannot be read


def test_without_a_policy_nothing_is_asked(tmp_path: Path) -> None:
    [finding] = workflow(tmp_path, Policy())

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
def test_any_shape_of_yaml_gets_findings_and_no_error(tmp_path: Path, policy: Policy, text: str) -> None:
    found = findings(tmp_path, text, policy)

    assert {finding.status for finding in found} <= {"failed", "warning"}
    assert "failed" in {finding.status for finding in found}
    assert all(finding.looked_at.startswith(FILE) and finding.remedy for finding in found)


def test_aliases_are_followed_once(tmp_path: Path, policy: Policy) -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert findings(tmp_path, f"l0: &l0 [lol]\n{layers}{GOOD}", policy)


def test_single_rules_can_be_asked_and_the_answer_names_them(tmp_path: Path, policy: Policy) -> None:
    findings(tmp_path, GOOD.replace("id-token: write", "id-token: none", 1), policy)
    named = {rule.name: rule for rule in RULES}
    [finding] = workflow(tmp_path, policy, [named["secrets"], named["pins"]])
    assert finding.status == "ok"
    assert finding.saw.endswith("asked for secrets, pins")
    [broken] = workflow(tmp_path, policy, [named["token"]])
    assert broken.status == "failed"
