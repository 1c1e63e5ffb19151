"""Cells of decision pages are executed again after a change, and a failed cell fails every build."""

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
Every other crate is private.
```

```{code-cell}
from binoc_runbook import check
open(COUNTER, "a").write("x")
check("private")
```
"""


@pytest.fixture
def site(checkout, tmp_path, sphinx_build):
    """Return a function that builds the site; its attribute `executed` counts the executions of the page."""
    counter = tmp_path / "counter"

    def build(*options):
        source, out = str(checkout.root / "docs"), tmp_path / "html"
        code, log = sphinx_build("-q", *options, "-d", str(tmp_path / "trees"), source, str(out))
        return code, log, (out / "index.html").read_text("utf-8")

    checkout.write("docs/conf.py", CONF)
    checkout.write("docs/index.md", PAGE.replace("COUNTER", repr(str(counter))))
    checkout.commit("A site")
    build.executed = lambda: len(counter.read_text()) if counter.exists() else 0
    return build


def test_cells_are_executed_again_after_a_change(site, checkout, tmp_path, capfd):
    code, log, page = site("-W")
    assert (code, log) == (0, "")
    assert capfd.readouterr() == ("", "")  # without log messages of the kernel
    assert "<code" in page.partition("cell_output")[2]
    assert page.count("cannot be published") == 4  # two crates, in the sentence and in the cell
    assert str(checkout.root) not in page
    index = (tmp_path / "html/searchindex.js").read_text("utf-8")
    assert "crate" in index  # from the prose
    assert "publish" not in index  # from the findings
    assert site()[0] == 0
    assert site.executed() == 1
    checkout.write("notes.txt", "untracked")
    assert site()[0] == 0
    assert site.executed() == 2


def test_failed_cell_fails_every_build_until_it_is_fixed(site, checkout):
    page = checkout.root / "docs/index.md"
    page.write_text(page.read_text("utf-8").replace("{decided} private", "{decided} sync"), "utf-8")
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false", "publish = true")
    for number in (1, 2):
        code, log, _ = site()  # also without -W
        assert site.executed() == number  # the cause can be outside the checkout
        assert code != 0
        assert "docs/index.md: " in log
        assert "a cell of this page failed:" in log
        assert 'check("private")' in log
        assert "crates/demo-core/Cargo.toml:5" in log
    checkout.git("checkout", "--quiet", "crates", cwd=checkout.root)
    assert site("-W")[:2] == (0, "")


def test_pages_run_as_tests_and_a_failure_shows_the_line_and_the_cell(checkout):
    shutil.copytree(ROOT / "docs/adr", checkout.root / "docs/adr", ignore=shutil.ignore_patterns("*.md"))
    good = PAGE.replace("COUNTER", "'/dev/null'")
    checkout.write("docs/adr/good.md", good)
    checkout.write("docs/adr/bad.md", good.replace('check("private")', 'check("tag", spelling="{version}")'))
    checkout.write("docs/adr/off.md", good.replace("mode: force", 'mode: "off"'))
    checkout.write("docs/adr/prose.md", "---\ntitle: Prose\n---\n\n# Prose\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--nbmake", "docs/adr"]
    done = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "FAILED docs/adr/bad.md::cells" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    line = good.splitlines().index("from binoc_runbook import check") + 1
    assert f"bad.md:{line}: An error occurred" in done.stdout
    assert 'check("tag", spelling="{version}")' in done.stdout
    assert "pyproject.toml:2: " in done.stdout
    assert "conftest.py" not in done.stdout  # without the code that runs the page
