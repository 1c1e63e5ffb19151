"""The pages of the reference are made from the library: on a small site, what stands on them and what lies beside."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    """The site as it is built first, without what rustdoc makes, and then with it."""
    directory = tmp_path_factory.mktemp("site")
    write(directory, _PAGE)
    (directory / "docs/crate.md").write_text(_CRATE, "utf-8")
    pages = []
    for _ in range(2):
        done = build(directory)
        assert done.returncode == 0, done.stderr
        pages.append((directory / "html/crate.html").read_text("utf-8"))
        (directory / "doc/demo_sdk").mkdir(parents=True, exist_ok=True)
        (directory / "doc/demo_sdk/index.html").write_text("made by rustdoc", "utf-8")
        (directory / "doc/.lock").touch()
    return directory / "html", (directory / "html/index.html").read_text("utf-8"), pages


def tables(page):
    """The rows of each table, as the words in their cells."""
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        rows = [re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL) for row in table.split("</tr>")]
        yield [[re.sub("<[^>]+>", "", cell).strip() for cell in row] for row in rows if row]


def test_a_schema_is_a_table_of_exactly_its_properties_and_lies_beside_the_page(site):
    html, page, _ = site
    schema = json.loads(SCHEMA.read_text("utf-8"))
    answer, finding, *_ = tables(page)
    assert [row[0] for row in answer[1:]] == [field.name for field in fields(schema)]
    assert [row[0] for row in finding[1:]] == list(schema["$defs"]["finding"]["properties"])
    assert 'list of <a class="reference internal" href="#schema-finding">finding</a>' in page
    assert page.count('id="schema-finding"') == 1
    assert 'href="schemas/check.schema.json"' in page
    assert (html / "schemas/check.schema.json").read_bytes() == SCHEMA.read_bytes()


def test_the_keys_of_the_policy_are_listed_as_they_are_typed(site):
    policy, artifacts = list(tables(site[1]))[2:4]
    assert [row[0] for row in policy[1:]] == list(policy_keys(Policy))
    assert [row[:2] for row in artifacts[1:4]] == [[name, "required"] for name in ("name", "registry", "path")]
    assert len(artifacts) == 1 + len(policy_keys(Artifact))
    assert (
        policy[2][3] == "a branch such as &quot;main&quot;, or a list such as [&quot;main&quot;, &quot;release/*&quot;]"
    )


def test_the_crate_is_linked_only_where_it_was_documented(site):
    html, _, (before, after) = site
    assert "where there is no cargo" in before
    assert "demo_sdk/index.html" not in before
    assert 'href="demo-sdk/demo_sdk/index.html"' in after
    assert (html / "demo-sdk/demo_sdk/index.html").read_text("utf-8") == "made by rustdoc"
    assert not (html / "demo-sdk/.lock").exists()


def test_what_the_page_of_the_library_shows_first_can_be_run(monkeypatch, capsys):
    page = (ROOT / "docs/reference/library.md").read_text("utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(compile(shown, "library.md", "exec"), {})
    assert "✓ ok: surface: " in capsys.readouterr().out


def test_what_a_function_raises_leads_to_it(site):
    assert re.search(r'Raises.*?href="#binoc_runbook.version.VersionError"', site[1], re.DOTALL)
    assert "`" not in re.sub("<[^>]+>", "", site[1].split("binoc_runbook.Version", 1)[1])


def test_a_rule_that_nothing_is_said_of_is_a_warning_and_so_is_one_that_there_is_not(tmp_path):
    said = "\n".join(f"{rule.name}: mend it" for rule in RULES[1:])
    write(tmp_path, f"# Rules\n\n```{{rules}}\nno rule: mend it\n{said}\n```\n")
    done = build(tmp_path)
    assert done.returncode == 1
    assert f"the rule `{RULES[0].name}`: is not said what to do" in done.stderr
    assert "the rule `no rule`: there is no such rule" in done.stderr
    (rows,) = tables((tmp_path / "html/index.html").read_text("utf-8"))
    assert [row[0] for row in rows[1:]] == [rule.name for rule in RULES]
