"""A decision's sentences say on the site what is true of them now, and the site is not built when one is broken."""

from __future__ import annotations

import re
import subprocess
import sys
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
Every other crate says so.
```

```{decided} workflow
:rule: token, secrets

No token is stored.
```

```{decided}
Nobody publishes from a laptop.
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
        checkout.commit("A site")

    def write(self, name, text):
        self.checkout.write(f"docs/{name}", text)

    def build(self, *options):
        """Builds what is out of date, as `sphinx-build` does; returns its exit code and all that it said."""
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


def test_each_sentence_shows_its_state_in_words_with_its_evidence_and_the_commit(site, checkout):
    code, said = site.build("-W")
    assert code == 0, said
    assert site.states() == ["verified", "verified", "verified", "unverified"]
    page, head = site.page(), checkout.head()
    assert f'href="https://github.com/example/demo/blob/{head}/crates/demo-core/Cargo.toml#L5"' in page
    assert "crates/demo-core/Cargo.toml:5" in page
    day = checkout.git("log", "-1", "--format=%cs", cwd=checkout.root)
    assert f"by surface, at commit {head[:12]} of {day}<" in page.replace("</p>", "<")
    assert "asked for token, secrets" in page


def test_a_sentence_and_the_overview_lead_to_each_other(site):
    site.build()
    overview, page = site.page("index"), site.page()
    (row,) = re.findall(r'href="index.html#([^"]+)"[^>]*><strong>\W unverified', page)
    assert f'id="{row}"' in overview
    (sentence,) = re.findall(r'href="surface.html#([^"]+)">Nobody publishes', overview)
    assert f'id="{sentence}"' in page
    counts = re.search(r"What is published</a>(.*?)</tr>", overview, re.DOTALL)
    assert re.findall(r"<p>(\d)</p>", counts[1]) == ["3", "0", "1"]


def test_a_summary_says_in_one_line_whether_all_hold_and_leads_to_the_overview(site, checkout):
    site.write("other.md", "# Another page\n\n```{decisions}\n:summary:\n```\n")
    site.build()
    assert "<strong>No decision is broken</strong>" in site.page("other")
    assert 'href="index.html">Their sentences</a>: 3 verified, 1 unverified.' in site.page("other")
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    site.build()
    assert "<strong>Not every decision holds</strong>" in site.page("other")
    assert "1 verified, 2 violated, 1 unverified." in site.page("other")


def test_a_summary_says_which_version_and_commit_the_sources_hold(site, checkout):
    site.write("other.md", "# Another page\n\n```{decisions}\n:summary:\n```\n")
    head = checkout.commit()
    site.build()
    told = " ".join(re.sub("<[^>]+>", "", site.page("other")).split())
    day = checkout.git("log", "-1", "--format=%cs", cwd=checkout.root)
    assert f"These sources hold 0.4.0: commit {head[:12]} of {day}. No decision" in told
    assert f'href="https://github.com/example/demo/commit/{head}"' in site.page("other")


def test_what_is_unverified_is_listed_at_the_end_and_is_no_warning(site):
    code, said = site.build("-W")
    assert code == 0, said
    assert "surface:19: “Nobody publishes from a laptop.”" in said.partition("build succeeded")[0]


def test_a_violated_decision_fails_each_build_until_it_is_mended(site, checkout):
    assert site.build()[0] == 0
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    for options in ((), (), ("-W", "--keep-going")):
        code, said = site.build(*options)
        assert code != 0
        assert re.search(r"docs.surface\.md:3:.*violated: “Two artifacts are published\.”", said), said
        assert re.search(r"docs.surface\.md:9:.*violated: “Every other crate says so\.”", said), said
        assert "crates/demo-core/Cargo.toml:2: `demo-core` can be published to crates.io" in said
        assert "→ write `publish = false` under `[package]` in `crates/demo-core/Cargo.toml`" in said
        assert site.states() == ["violated", "violated", "verified", "unverified"]
    checkout.git("checkout", "--quiet", "crates", cwd=checkout.root)
    code, said = site.build("-W")
    assert code == 0, said
    assert site.states()[:2] == ["verified", "verified"]


def test_states_are_those_of_now_also_where_no_page_has_changed(site, checkout):
    site.build()
    before = checkout.head()
    checkout.edit("crates/demo-sdk/Cargo.toml", 'license = "MIT"\n', 'license = "MIT"\nreadme = false\n')
    code, said = site.build()
    assert code == 0, said
    assert f"{before[:12]} of " in site.page()
    assert "with uncommitted changes" in site.page()
    assert "demo-sdk/Cargo.toml#L" not in site.page()  # the committed file may say something else on that line
    after = checkout.commit()
    site.build()
    assert before[:12] not in site.page()
    assert after[:12] in site.page()
    assert "with uncommitted changes" not in site.page()


def test_a_sentence_that_names_other_artifacts_than_the_policy_is_violated(site):
    site.write("surface.md", SURFACE.replace("demo-sdk at crates.io", "demo-sdk at PyPI"))
    code, said = site.build()
    assert code != 0
    assert "the policy declares `demo-sdk at crates.io`, and the decision does not" in said
    assert "the decision names `demo-sdk at PyPI`, and the policy does not declare it" in said


def test_a_broken_rule_that_a_sentence_names_violates_it_where_a_release_would_only_be_warned(site, checkout):
    checkout.write("justfile", "check-dists:\n")
    checkout.edit(".github/workflows/publish.yml", "just check-dists", "python -m compileall .")
    site.write("surface.md", "# A decision\n\n```{decided} workflow\n:rule: recipes\n\nOnly recipes.\n```\n")
    code, said = site.build()
    assert code != 0
    assert "violated: “Only recipes.”" in said
    assert ".github/workflows/publish.yml:" in said


def test_a_sentence_that_was_left_out_is_missed_in_every_build(site):
    site.write("surface.md", "# A decision\n\n```{decided} sync\n```\n")
    for _ in range(2):
        code, said = site.build("-W")
        assert code != 0
        assert "surface.md:3" in said


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{decided} surfaec", "there is no question `surfaec`"),
        ("{decided} sync\n:rule: token", "`:rule:` is no option of sync"),
        ("{decided} workflow\n:rule: tokens", "there is no rule `tokens`"),
        ("{decided} order\n:stages: tag, tests", "and not tag → tests"),
        ("{decided} tag\n:spelling: release-{version}", "a release is tagged `v{version}`, not `release-{version}`"),
        ("{decided} wheels\n:tags: cp312-abi3", "`demo` promises wheels tagged `cp310-abi3`, not `cp312-abi3`"),
    ],
)
def test_a_question_that_is_put_wrongly_or_answered_otherwise_fails_every_build(site, written, told):
    site.write("surface.md", f"# A decision\n\n```{written}\n\nIt is so.\n```\n")
    for _ in range(2):
        code, said = site.build()
        assert code != 0
        assert told in said
        assert "violated: “It is so.”" in said


def test_a_build_changes_nothing_in_the_workspace_nor_at_its_remote(site, checkout):
    before = everything(checkout)
    site.build()
    site.build("-E")
    assert everything(checkout) == before


def test_pages_outside_a_checkout_are_built_with_nothing_verified(site, tmp_path):
    outside = tmp_path / "outside"
    (site.checkout.root / "docs").rename(outside)
    code, said = site.sphinx_build("-W", str(outside), str(site.directory / "html"))
    assert code == 0, said
    assert set(site.states()) == {"unverified"}


def test_every_decision_of_this_project_holds(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "html")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = {page.stem: page.read_text("utf-8") for page in (tmp_path / "html/adr").glob("2*.html")}
    (surface,) = [text for name, text in pages.items() if "release-surface" in name]
    assert surface.count("✓ verified") == 15
    assert surface.count("? unverified") == 1
    assert str(ROOT) not in "".join(pages.values())
