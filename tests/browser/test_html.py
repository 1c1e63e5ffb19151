"""HTML of the site: valid, without broken links, machine paths and build dates."""

from __future__ import annotations

import datetime
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def parsed(directory, pages) -> dict[str, tuple[Element, list[str]]]:
    """Return the tree of each page and the errors of the parser."""
    results = {}
    for page in pages:
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        tree = parser.parse((directory / page).read_text("utf-8"))
        errors = [f"line {line}: {name} {details}" for (line, _), name, details in parser.errors]
        results[page] = (tree, errors)
    return results


@pytest.fixture(scope="module")
def trees(parsed) -> dict[str, Element]:
    return {page: tree for page, (tree, _) in parsed.items()}


def ids(tree: Element) -> list[str]:
    return [element.get("id", "") for element in tree.iter() if element.get("id")]


def test_every_page_is_valid_html(parsed):
    assert [f"{page} {error}" for page, (_, errors) in parsed.items() for error in errors] == []


def test_ids_are_unique(trees):
    assert [f"{page} {name}" for page, tree in trees.items() for name, n in Counter(ids(tree)).items() if n > 1] == []


def test_references_to_ids_exist(trees):
    names = ("for", "headers", "aria-controls", "aria-describedby", "aria-labelledby", "aria-owns", "list")
    missing = [
        f"{page} {name}={reference}"
        for page, tree in trees.items()
        for element in tree.iter()
        for name in names
        for reference in element.get(name, "").split()
        if reference not in ids(tree)
    ]
    assert missing == []


def test_every_page_has_a_title_a_language_and_one_h1(trees):
    for page, tree in trees.items():
        assert (tree.findtext(".//title") or "").strip(), page
        assert tree.get("lang") == "en", page
        assert len(tree.findall(".//h1")) == 1, page


def test_heading_levels_have_no_gaps(trees):
    jumps = []
    for page, tree in trees.items():
        article = tree.find(".//article")
        levels = [
            int(element.tag[1])
            for element in (tree if article is None else article).iter()
            if re.fullmatch("h[1-6]", str(element.tag))
        ]
        jumps += [f"{page} h{a} → h{b}" for a, b in zip([0, *levels], levels, strict=False) if b > a + 1]
    assert jumps == []


def test_internal_links_exist(directory, trees):
    known = {page: set(ids(tree)) for page, tree in trees.items()}
    broken = []
    for page, tree in trees.items():
        for link in links(tree):
            target = urlsplit(urljoin(f"http://here/{page}", link))
            if target.netloc != "here" or target.scheme != "http":
                continue
            path = unquote(target.path).lstrip("/")
            path = f"{path}index.html" if path.endswith("/") else path
            inside = path.partition("/")[0] == page.partition("/")[0]
            file_is_missing = not inside or not (directory / path).is_file()
            id_is_missing = path in known and target.fragment and unquote(target.fragment) not in known[path]
            if file_is_missing or id_is_missing:
                broken.append(f"{page}: {link}")
    assert broken == []


def links(tree: Element) -> Iterator[str]:
    for element in tree.iter():
        for name in ("href", "src"):
            # `#` alone is the top of any page.
            if (link := element.get(name)) not in (None, "#"):
                yield link


def test_no_file_contains_a_path_of_the_machine(directory):
    paths = [str(path).encode() for path in (ROOT, directory.parent, Path(sys.prefix))]
    assert [f"{name}: {path.decode()}" for name, text in files(directory) for path in paths if path in text] == []


def test_no_file_contains_the_date_of_the_build(directory):
    # Only the specimen: pages of the site contain the dates of decisions and commits, which can be today.
    today = datetime.datetime.now(datetime.UTC)
    formats = ("%Y-%m-%d", "%Y%m%d", "%b %d, %Y", "%B %d, %Y", "%d %B %Y")
    dates = [today.strftime(format_).encode() for format_ in formats]
    matches = [
        f"{name}: {date.decode()}" for name, text in files(directory / "specimen") for date in dates if date in text
    ]
    assert matches == [] or today.date() == datetime.date(2026, 11, 22)


def files(directory: Path) -> list[tuple[str, bytes]]:
    return [
        (str(path.relative_to(directory)), path.read_bytes()) for path in sorted(directory.rglob("*")) if path.is_file()
    ]
