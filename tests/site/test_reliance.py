"""A decision, the chapter of the runbook that relies on it and the last release that proved it lead to each other."""

from __future__ import annotations

import json
import re

import pytest

from binoc_runbook.notebook.messages import MARK

pytestmark = pytest.mark.notebook

CONF = """\
extensions = ["myst_nb", *(f"binoc_runbook.site.{name}" for name in ("decisions", "releases", "runbooks"))]
html_theme = "basic"
nb_execution_mode = "off"
"""

INDEX = """\
# Decisions

```{decisions}
```

```{toctree}
:glob:

2*
runbooks/release
releases/index
```
"""

OLD = """\
# An old decision

```{decided} private
Every other crate says so.
```

```{decided} workflow sync
:rule: token

No token is stored.
```

```{decided} maturin
Built by maturin.
```

```{decided}
Nobody publishes from a laptop.
```
"""

YOUNG = "# A young decision\n\n```{decided} order\n:stages: tests, push-tag\n\nTests come first.\n```\n"

RUNBOOK = """\
# Cut a release

(plan)=
## The plan

(surface)=
## 2. The surface

### More about it

(sync)=
## 3. Sync

(follow)=
## What the tag starts
"""


def notebook(*chapters):
    """A runbook as it is filed, with a title, and a heading and a cell for each chapter."""
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Cut a release"}]
    for name in chapters:
        code = {"cell_type": "code", "id": f"{name}-run", "source": f"release.{name}", "outputs": []}
        cells += [{"cell_type": "markdown", "id": name, "metadata": {}, "source": f"## Chapter {name}"}]
        cells += [{**code, "metadata": {}, "execution_count": None}]
    about = {"language_info": {"name": "python"}, MARK: {"runbook": "release"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def site(checkout, tmp_path, sphinx_build, a_record):
    def write(**pages):
        for name, text in pages.items():
            checkout.write(f"docs/{name.replace('__', '/')}", text)

    def build(*, broken=False):
        source, out = str(checkout.root / "docs"), tmp_path / "html"
        code, said = sphinx_build("-W", "-d", str(tmp_path / "trees"), source, str(out))
        assert (code != 0) == broken, said
        return lambda name: (out / f"{name}.html").read_text("utf-8")

    def release(version, **changes):
        checkout.write(f"docs/releases/{version}.ipynb", notebook("plan", "surface", "sync"))
        checkout.write(f"docs/releases/{version}.json", json.dumps(a_record(version, **changes)))

    pages = {"conf.py": CONF, "index.md": INDEX, "2026-04-08-old.md": OLD, "2026-12-01-young.md": YOUNG}
    pages |= {"runbooks__release.md": RUNBOOK, "releases__index.md": "# Releases\n\n```{releases}\n```\n"}
    write(**pages)
    build.write, build.release, build.root = write, release, checkout.root
    return build


def rows(page):
    """The cells of the table of each decision's sentences, by sentence."""
    found = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    return {words(cells[0]): cells[1:] for cells in found if len(cells) == 5}


def words(markup):
    return " ".join(re.sub("<[^>]+>", " ", markup).split())


def part(page, id_):
    """A chapter of a page, from the element with that id to the next heading."""
    return re.split(r"<h\d", page.partition(f'id="{id_}"')[2])[1]


def test_before_the_first_release_sentences_lead_to_the_chapters_that_rely_on_them_and_back(site):
    page = site()
    old = page("2026-04-08-old")
    assert 'relies on it at <span><a class="reference internal" href="runbooks/release.html#surface">surface</a>' in old
    assert "The runbook relies on it at workflow , sync ; no release has proved it yet." in words(
        old
    )  # no chapter has that id
    assert 'href="runbooks/release.html">workflow</a>' in old  # no chapter has that id here
    assert old.count("The runbook relies on it") == 3
    assert [words(cell) for cell in rows(page("index"))["Every other crate says so."]] == [
        "✓ verified",
        "private",
        "surface",
        "no release yet",
    ]
    assert rows(page("index"))["Nobody publishes from a laptop."][1:] == [
        "<p>nothing</p>",
        "<p>none</p>",
        "<p>none</p>",
    ]
    surface = part(page("runbooks/release"), "surface")
    assert "Decisions that rely on this" in surface
    assert 'href="../2026-04-08-old.html#every-other-crate-says-so">Every other crate says so.</a>' in surface
    assert "✓ verified" in surface
    assert "No token is stored." in part(page("runbooks/release"), "sync")
    assert "Tests come first." in part(page("runbooks/release"), "plan")


def test_the_newest_release_that_passed_the_chapter_proved_it_and_says_so(site):
    site.release("0.3.0")
    site.release("0.4.0", stages=[{"name": "sync", "seconds": 1.0}])
    page = site()
    index = rows(page("index"))
    assert 'href="releases/0.3.0.html#surface">0.3.0</a>' in index["Every other crate says so."][3]
    assert words(index["No token is stored."][3]) == "0.3.0"  # the newer one passed only one of both chapters
    assert words(index["Built by maturin."][3]) == "no release yet"  # what users get was not verified
    assert words(index["Tests come first."][3]) == "no release yet"  # it was decided after both
    assert 'last proved by release <a class="reference internal" href="releases/0.3.0.html#surface">' in page(
        "2026-04-08-old"
    )
    record = page("releases/0.3.0")
    assert 'href="#decisions-proved">Decisions that this release proved</a>' in record
    proved = words(part(record, "decisions-proved"))
    assert "Every other crate says so. ✓ verified" in proved
    assert "Built by maturin." not in proved
    assert "Decisions that this release proved" not in page("releases/0.4.0")


def test_a_verified_release_proved_what_users_get(site):
    site.release("0.3.0")
    told = {"schema": 1, "version": "0.3.0", "world": "real", "outcome": "published", "artifacts": []}
    site.write(**{"releases__0.3.0.verified.json": json.dumps(told)})
    assert words(rows(site()("index"))["Built by maturin."][3]) == "0.3.0"


def test_the_runbook_and_the_records_show_the_states_of_now_where_neither_has_changed(site):
    site.release("0.3.0")
    site()
    manifest = site.root / "crates/demo-core/Cargo.toml"
    manifest.write_text(manifest.read_text("utf-8").replace("publish = false\n", ""), "utf-8")
    page = site(broken=True)
    told = "Every other crate says so. ✗ violated"
    assert told in words(part(page("runbooks/release"), "surface"))
    assert told in words(part(page("releases/0.3.0"), "decisions-proved"))


def test_a_site_without_the_runbook_names_the_chapters_alone(site):
    (site.root / "docs/runbooks/release.md").unlink()
    site.write(**{"index.md": INDEX.replace("runbooks/release\n", "")})
    assert "The runbook relies on it at surface ; no release has proved it yet." in words(site()("2026-04-08-old"))
