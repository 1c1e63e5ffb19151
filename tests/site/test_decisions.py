"""Decision pages: states of sentences, their evidence, and failed builds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.notebook

CONF = """\
extensions = ["myst_parser", "binoc_runbook.site.decisions"]
html_theme = "basic"
source_suffix = {".md": "markdown"}
"""

OVERVIEW = """\
# Decisions

```{decisions}
```

```{toctree}
surface
other
```
"""

SURFACE = """\
# What is published

```{decided} surface
:artifacts: demo at PyPI, demo-sdk at crates.io

Two artifacts are published.
```

```{decided} private
Every other crate is private.
```

```{decided} workflow
:rule: token, secrets

No token is stored.
```

```{decided} manual
:who: the owners
:where: the settings, which `just setup-check` lists

Releases are not published from a laptop.
```

```{decided} tests
:by: tests/test_demo.py::test_it_holds

It holds.
```
"""


class Site:
    def __init__(self, checkout, directory, sphinx_build):
        self.checkout = checkout
        self.directory = directory
        self.sphinx_build = sphinx_build
        for name, text in {
            "conf.py": CONF,
            "index.md": OVERVIEW,
            "surface.md": SURFACE,
            "other.md": "# Another page\n",
        }.items():
            self.write(name, text)
        checkout.write("tests/test_demo.py", "def test_it_holds():\n    pass\n")
        checkout.commit("A site")

    def write(self, name, text):
        self.checkout.write(f"docs/{name}", text)

    def build(self, *options):
        """Build outdated pages; return the exit code and the log."""
        source, out = self.checkout.root / "docs", self.directory / "html"
        return self.sphinx_build("-d", str(self.directory / "trees"), *options, str(source), str(out))

    def page(self, name="surface"):
        return (self.directory / f"html/{name}.html").read_text("utf-8")

    def states(self, name="surface"):
        return re.findall(r"<strong>\W (\w+)</strong>", self.page(name))


@pytest.fixture
def site(checkout, tmp_path, sphinx_build):
    return Site(checkout, tmp_path / "site", sphinx_build)


def everything(checkout):
    status = checkout.git("status", "--porcelain", "--ignored", cwd=checkout.root)
    files = sorted(str(path) for path in checkout.root.rglob("*") if ".git" not in path.parts)
    refs = checkout.git("for-each-ref", cwd=checkout.root)
    return status, files, refs, checkout.head(), checkout.remote_refs()


def test_sentence_shows_its_state_with_evidence_and_commit(site, checkout):
    code, log = site.build("-W")
    assert code == 0, log
    assert site.states() == ["checked", "checked", "checked", "manual", "tested"]
    page, head = site.page(), checkout.head()
    assert f'href="https://github.com/example/demo/blob/{head}/crates/demo-core/Cargo.toml#L5"' in page
    assert "crates/demo-core/Cargo.toml:5" in page
    day = checkout.git("log", "-1", "--format=%cs", cwd=checkout.root)
    assert f"by surface, at commit {head[:12]} of {day}<" in page.replace("</p>", "<")
    assert "token, secrets" in page
    assert f'href="https://github.com/example/demo/blob/{head}/tests/test_demo.py#L1"' in page
    assert "the settings, which just setup-check lists: checked by the owners" in re.sub("<[^>]+>", "", page)


def test_sentences_and_overview_link_to_each_other(site):
    site.build()
    overview, page = site.page("index"), site.page()
    (row,) = re.findall(r'href="index.html#([^"]+)"[^>]*><strong>\W manual', page)
    assert f'id="{row}"' in overview
    (sentence,) = re.findall(r'href="surface.html#([^"]+)">Releases are not', overview)
    assert f'id="{sentence}"' in page
    counts = re.search(r"What is published</a>(.*?)</tr>", overview, re.DOTALL)
    assert re.findall(r"<p>(\d)</p>", counts[1]) == ["3", "1", "1", "0", "0"]


def test_summary_counts_the_states_and_links_to_the_overview(site, checkout):
    site.write("other.md", "# Another page\n\n```{decisions}\n:summary:\n```\n")
    site.build()
    words = re.sub("<[^>]+>", "", site.page("other"))
    assert "Decisions 3 checked, 1 tested, 1 manual, 0 violated\n" in words
    assert 'href="index.html">Decisions</a>' in site.page("other")
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    site.build()
    assert "1 checked, 1 tested, 1 manual, 2 violated" in site.page("other")


def test_summary_shows_version_and_commit(site, checkout):
    site.write("other.md", "# Another page\n\n```{decisions}\n:summary:\n```\n")
    head = checkout.commit()
    site.build()
    text = " ".join(re.sub("<[^>]+>", "", site.page("other")).split())
    day = checkout.git("log", "-1", "--format=%cs", cwd=checkout.root)
    assert f" 0.4.0, commit {head[:12]} of {day}" in text
    assert f'href="https://github.com/example/demo/commit/{head}"' in site.page("other")


def test_unknown_sentences_are_listed_without_a_warning(site):
    site.write("surface.md", "# A decision\n\n```{decided} pins\nNothing is pinned.\n```\n")
    code, log = site.build("-W")
    assert code == 0, log
    assert site.states() == ["unknown"]
    assert "surface:3: “Nothing is pinned.”" in log.partition("build succeeded")[0]


def test_violated_decision_fails_every_build_until_it_is_fixed(site, checkout):
    assert site.build()[0] == 0
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    for options in ((), (), ("-W", "--keep-going")):
        code, log = site.build(*options)
        assert code != 0
        assert re.search(r"docs.surface\.md:3:.*violated: “Two artifacts are published\.”", log), log
        assert re.search(r"docs.surface\.md:9:.*violated: “Every other crate is private\.”", log), log
        assert "crates/demo-core/Cargo.toml:2: " in log
        assert site.states() == ["violated", "violated", "checked", "manual", "tested"]
    checkout.git("checkout", "--quiet", "crates", cwd=checkout.root)
    code, log = site.build("-W")
    assert code == 0, log
    assert site.states()[:2] == ["checked", "checked"]


def test_states_are_updated_when_no_page_has_changed(site, checkout):
    site.build()
    before = checkout.head()
    checkout.edit("crates/demo-sdk/Cargo.toml", 'license = "MIT"\n', 'license = "MIT"\nreadme = false\n')
    code, log = site.build()
    assert code == 0, log
    assert f"{before[:12]} of " in site.page()
    assert "with uncommitted changes" in site.page()
    assert "demo-sdk/Cargo.toml#L" not in site.page()  # the line can differ in the committed file
    after = checkout.commit()
    site.build()
    assert before[:12] not in site.page()
    assert after[:12] in site.page()
    assert "with uncommitted changes" not in site.page()


def test_sentence_with_other_artifacts_than_the_policy_is_violated(site):
    site.write("surface.md", SURFACE.replace("demo-sdk at crates.io", "demo-sdk at PyPI"))
    code, log = site.build()
    assert code != 0
    assert "`demo-sdk at crates.io`" in log
    assert "`demo-sdk at PyPI`" in log
    assert site.states()[0] == "violated"


def test_broken_rule_violates_a_sentence_even_if_it_is_only_a_warning(site, checkout):
    checkout.write("justfile", "check-dists:\n")
    job = "jobs:\n  extra:\n    steps: [{run: python -m compileall .}]\n"
    checkout.edit(".github/workflows/publish.yml", "jobs:\n", job)
    site.write("surface.md", "# A decision\n\n```{decided} workflow\n:rule: recipes\n\nOnly recipes.\n```\n")
    code, log = site.build()
    assert code != 0
    assert "violated: “Only recipes.”" in log
    assert ".github/workflows/publish.yml:" in log


def test_missing_sentence_fails_every_build(site):
    site.write("surface.md", "# A decision\n\n```{decided} sync\n```\n")
    for _ in range(2):
        code, log = site.build("-W")
        assert code != 0
        assert "surface.md:3" in log


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("{decided} surfaec", "`surfaec`"),
        ("{decided} sync\n:rule: token", "`:rule:`"),
        ("{decided} workflow\n:rule: tokens", "`tokens`"),
        ("{decided} order\n:stages: tag, tests", "tag → tests"),
        ("{decided} tag\n:spelling: release-{version}", "`release-{version}`"),
        ("{decided} wheels\n:tags: cp312-abi3", "`cp312-abi3`"),
        ("{decided}\n", "names no check"),
        ("{decided} manual\n:who: the owners", "`:where:`"),
        ("{decided} tests", "`:by:`"),
        ("{decided} tests\n:by: tests/test_demo.py::test_gone", "`test_gone`"),
    ],
)
def test_invalid_directive_or_failed_check_fails_every_build(site, directive, value):
    site.write("surface.md", f"# A decision\n\n```{directive}\n\nIt is so.\n```\n")
    for _ in range(2):
        code, log = site.build()
        assert code != 0
        assert value in log
        assert "violated: “It is so.”" in log


def test_build_does_not_change_the_checkout_or_the_remote(site, checkout):
    before = everything(checkout)
    site.build()
    site.build("-E")
    assert everything(checkout) == before


def test_pages_outside_a_checkout_are_unknown(site, tmp_path):
    outside = tmp_path / "outside"
    (site.checkout.root / "docs").rename(outside)
    code, log = site.sphinx_build("-W", str(outside), str(site.directory / "html"))
    assert code == 0, log
    assert set(site.states()) == {"unknown"}
