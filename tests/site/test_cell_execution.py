"""The cells of a decision's page are executed again when what they could see has changed, and a failure stays one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.notebook

CONF = """\
extensions = ["myst_nb", "binoc_runbook.site.decisions"]
html_theme = "basic"
nb_execution_mode = "off"
"""

PAGE = """\
---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
  language: python
mystnb:
  execution_mode: force
---

# A decision

```{decided} private
Every other crate says so.
```

```{code-cell}
from binoc_runbook import ask
open(COUNTER, "a").write("x")
ask("private")
```
"""


@pytest.fixture
def site(checkout, tmp_path, sphinx_build):
    """Builds the site of a checkout; `executed` says how often its page was executed so far."""
    counter = tmp_path / "counter"

    def build(*options):
        source, out = str(checkout.root / "docs"), tmp_path / "html"
        code, said = sphinx_build("-q", *options, "-d", str(tmp_path / "trees"), source, str(out))
        return code, said, (out / "index.html").read_text("utf-8")

    checkout.write("docs/conf.py", CONF)
    checkout.write("docs/index.md", PAGE.replace("COUNTER", repr(str(counter))))
    checkout.commit("A site")
    build.executed = lambda: len(counter.read_text()) if counter.exists() else 0
    return build


def test_cells_are_executed_again_when_something_they_could_see_has_changed_and_not_before(
    site, checkout, tmp_path, capfd
):
    code, said, page = site("-W")
    assert (code, said) == (0, "")
    assert capfd.readouterr() == ("", "")  # nothing of the kernel's own chatter
    assert "<code" in page.partition("cell_output")[2]
    assert page.count("cannot be published") == 4  # two crates, by the sentence and by the cell
    assert str(checkout.root) not in page
    index = (tmp_path / "html/searchindex.js").read_text("utf-8")
    assert "crate" in index  # of the prose
    assert "publish" not in index  # of what was found
    assert site()[0] == 0
    assert site.executed() == 1
    checkout.write("notes.txt", "untracked")
    assert site()[0] == 0
    assert site.executed() == 2


def test_a_failed_cell_fails_each_build_with_its_traceback_until_it_is_mended(site, checkout):
    page = checkout.root / "docs/index.md"
    page.write_text(page.read_text("utf-8").replace("{decided} private", "{decided}"), "utf-8")
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false", "publish = true")
    for number in (1, 2):
        code, said, _ = site()  # also where warnings are none of its business
        assert site.executed() == number  # what it failed for may lie outside
        assert code != 0
        assert "docs/index.md: " in said
        assert "a cell of this page failed:" in said
        assert 'ask("private")' in said
        assert "`private` does not hold" in said
        assert "crates/demo-core/Cargo.toml:5: `demo-core` can be published to crates.io" in said
    checkout.git("checkout", "--quiet", "crates", cwd=checkout.root)
    assert site("-W")[:2] == (0, "")


def test_pages_with_cells_are_tests_too_and_a_failure_names_the_line_and_the_cell(checkout):
    shutil.copytree(ROOT / "docs/adr", checkout.root / "docs/adr", ignore=shutil.ignore_patterns("*.md"))
    good = PAGE.replace("COUNTER", "'/dev/null'")
    checkout.write("docs/adr/good.md", good)
    checkout.write("docs/adr/bad.md", good.replace('ask("private")', 'ask("tag", spelling="{version}")'))
    checkout.write("docs/adr/off.md", good.replace("mode: force", 'mode: "off"'))
    checkout.write("docs/adr/prose.md", "---\ntitle: Prose\n---\n\n# Prose\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--nbmake", "docs/adr"]
    done = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "FAILED docs/adr/bad.md::cells" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    line = good.splitlines().index("from binoc_runbook import ask") + 1
    assert f"bad.md:{line}: An error occurred" in done.stdout
    assert 'ask("tag", spelling="{version}")' in done.stdout
    assert "pyproject.toml:2: a release is tagged `v{version}`, not `{version}`" in done.stdout
    assert "conftest.py" not in done.stdout  # how it was run helps nobody
