"""Generated reference pages of a small site, and the files published next to them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from binoc_runbook.checks.workflow.grammar import contract
from binoc_runbook.checks.workflow.rules import RULES
from binoc_runbook.policy import Artifact, Policy, policy_keys
from binoc_runbook.site.reference.schema import fields

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs/reference/schemas/check.schema.json"

pytestmark = pytest.mark.notebook

_CONF = """\
extensions = ["myst_parser", "binoc_runbook.site.reference"]
html_theme = "basic"
rustdoc_directory = "../doc"
"""
_PAGE = """\
# A reference

```{schema} schemas/check.schema.json
```

```{schema} schemas/check.schema.json#finding
```

```{policy}
```

```{policy} artifacts
```

```{eval-rst}
.. autoclass:: binoc_runbook.Version
   :members: parse
.. autoexception:: binoc_runbook.version.VersionError
```
"""


_CRATE = """\
---
orphan: true
---
# A crate

```{rustdoc} demo-sdk
```
"""


def write(directory, page):
    (directory / "docs/schemas").mkdir(parents=True)
    (directory / "docs/conf.py").write_text(_CONF, "utf-8")
    (directory / "docs/index.md").write_text(page, "utf-8")
    shutil.copy(SCHEMA, directory / "docs/schemas")


def build(directory):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", "html"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build a site without and with the output of rustdoc; return its directory, index and both crate pages."""
    directory = tmp_path_factory.mktemp("site")
    write(directory, _PAGE)
    (directory / "docs/crate.md").write_text(_CRATE, "utf-8")
    pages = []
    for _ in range(2):
        done = build(directory)
        assert done.returncode == 0, done.stderr
        pages.append((directory / "html/crate.html").read_text("utf-8"))
        (directory / "doc/demo_sdk").mkdir(parents=True, exist_ok=True)
        (directory / "doc/demo_sdk/index.html").write_text("from rustdoc", "utf-8")
        (directory / "doc/.lock").touch()
    return directory / "html", (directory / "html/index.html").read_text("utf-8"), pages


def tables(page):
    """Return the rows of each table, with the text of their cells."""
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        rows = [re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL) for row in table.split("</tr>")]
        yield [[re.sub("<[^>]+>", "", cell).strip() for cell in row] for row in rows if row]


def test_schema_is_a_table_of_its_properties_and_is_published(site):
    html, page, _ = site
    schema = json.loads(SCHEMA.read_text("utf-8"))
    result, finding, *_ = tables(page)
    assert [row[0] for row in result[1:]] == [field.name for field in fields(schema)]
    assert [row[0] for row in finding[1:]] == list(schema["$defs"]["finding"]["properties"])
    assert 'list of <a class="reference internal" href="#schema-finding">finding</a>' in page
    assert page.count('id="schema-finding"') == 1
    assert 'href="schemas/check.schema.json"' in page
    assert (html / "schemas/check.schema.json").read_bytes() == SCHEMA.read_bytes()


def test_keys_of_the_policy_are_listed(site):
    policy, artifacts = list(tables(site[1]))[2:4]
    assert [row[0] for row in policy[1:]] == list(policy_keys(Policy))
    assert [row[:2] for row in artifacts[1:4]] == [[name, "required"] for name in ("name", "registry", "path")]
    assert len(artifacts) == 1 + len(policy_keys(Artifact))
    assert "[&quot;main&quot;, &quot;release/*&quot;]" in policy[2][3]


def test_crate_is_linked_only_with_the_output_of_rustdoc(site):
    html, _, (before, after) = site
    assert "did not run" in before if shutil.which("cargo") else "not on PATH" in before
    assert "demo_sdk/index.html" not in before
    assert 'href="demo-sdk/demo_sdk/index.html"' in after
    assert (html / "demo-sdk/demo_sdk/index.html").read_text("utf-8") == "from rustdoc"
    assert not (html / "demo-sdk/.lock").exists()


def test_example_of_the_library_page_runs(monkeypatch, capsys):
    page = (ROOT / "docs/reference/library.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(compile(example, "library.md", "exec"), {})
    assert "✓ ok: surface: " in capsys.readouterr().out


def test_raised_exceptions_are_links(site):
    assert re.search(r'Raises.*?href="#binoc_runbook.version.VersionError"', site[1], re.DOTALL)
    assert "`" not in re.sub("<[^>]+>", "", site[1].split("binoc_runbook.Version", 1)[1])


def test_missing_and_unknown_rules_are_warnings(tmp_path):
    lines = "\n".join(f"{rule.name}: fix it" for rule in RULES[1:])
    write(tmp_path, f"# Rules\n\n```{{rules}}\nno rule: fix it\n{lines}\n```\n")
    done = build(tmp_path)
    assert done.returncode == 1
    assert f"`{RULES[0].name}`" in done.stderr
    assert "`no rule`" in done.stderr
    (rows,) = tables((tmp_path / "html/index.html").read_text("utf-8"))
    assert [row[0] for row in rows[1:]] == [rule.name for rule in RULES]


def test_contract_of_the_workflow_is_listed(tmp_path):
    parts = "\n".join(f"```{{contract}} {part}\n```\n" for part in ("keys", "jobs", "scripts", "score"))
    write(tmp_path, f"# Contract\n\n{parts}")
    scores = tmp_path / "docs/reference/mutation-score.toml"
    scores.parent.mkdir()
    scores.write_text("drop = { tried = 5, caught = 3, justified = 2, missed = 0 }\n" + SCORE)
    assert build(tmp_path).returncode == 0
    page = (tmp_path / "html/index.html").read_text("utf-8")
    keys, *jobs, score = tables(page)
    assert [row[0] for row in keys[1:]] == list(contract().keys)
    assert [len(rows) - 1 for rows in jobs] == [len(entry["job"]["steps"]) for entry in contract().jobs.values()]
    assert all(all(row) for rows in jobs for row in rows)
    assert score[-1] == ["all", "12", "10", "2", "0"]
    assert all(f'id="job-{name.replace(".", "-")}"' in page for name in contract().jobs)


SCORE = "inject = { tried = 7, caught = 7, justified = 0, missed = 0 }\n"
