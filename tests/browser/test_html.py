"""What a browser is given: HTML that is valid, links that lead somewhere, and nothing of the machine or the day."""

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
    """Each page as a tree, with the errors of the parser."""
    found = {}
    for page in pages:
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        tree = parser.parse((directory / page).read_text("utf-8"))
        errors = [f"line {line}: {name} {told}" for (line, _), name, told in parser.errors]
        found[page] = (tree, errors)
    return found


@pytest.fixture(scope="module")
def trees(parsed) -> dict[str, Element]:
    return {page: tree for page, (tree, _) in parsed.items()}


def ids(tree: Element) -> list[str]:
    return [element.get("id", "") for element in tree.iter() if element.get("id")]


def test_every_page_is_valid_html(parsed):
    assert [f"{page} {error}" for page, (_, errors) in parsed.items() for error in errors] == []


def test_no_id_is_given_twice(trees):
    assert [f"{page} {name}" for page, tree in trees.items() for name, n in Counter(ids(tree)).items() if n > 1] == []


def test_what_refers_to_an_id_of_its_page_finds_it(trees):
    names = ("for", "headers", "aria-controls", "aria-describedby", "aria-labelledby", "aria-owns", "list")
    missing = [
        f"{page} {name}={wanted}"
        for page, tree in trees.items()
        for element in tree.iter()
        for name in names
        for wanted in element.get(name, "").split()
        if wanted not in ids(tree)
    ]
    assert missing == []


def test_every_page_has_a_title_a_language_and_one_first_heading(trees):
    for page, tree in trees.items():
        assert (tree.findtext(".//title") or "").strip(), page
        assert tree.get("lang") == "en", page
        assert len(tree.findall(".//h1")) == 1, page


def test_no_heading_is_left_out(trees):
    jumps = []
    for page, tree in trees.items():
        article = tree.find(".//article")
        levels = [
            int(each.tag[1])
            for each in (tree if article is None else article).iter()
            if re.fullmatch("h[1-6]", str(each.tag))
        ]
        jumps += [f"{page} h{a} → h{b}" for a, b in zip([0, *levels], levels, strict=False) if b > a + 1]
    assert jumps == []


def test_every_link_within_the_site_leads_to_a_file_and_to_an_id_in_it(directory, trees):
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
            gone = not inside or not (directory / path).is_file()
            lost = path in known and target.fragment and unquote(target.fragment) not in known[path]
            if gone or lost:
                broken.append(f"{page}: {link}")
    assert broken == []


def links(tree: Element) -> Iterator[str]:
    for element in tree.iter():
        for name in ("href", "src"):
            # `#` alone is the top of any page.
            if (link := element.get(name)) not in (None, "#"):
                yield link


def test_no_file_holds_a_path_of_the_machine(directory):
    machine = [str(each).encode() for each in (ROOT, directory.parent, Path(sys.prefix))]
    assert [f"{name}: {each.decode()}" for name, text in files(directory) for each in machine if each in text] == []


def test_no_file_holds_the_day_of_the_build(directory):
    # The specimen, because pages of the site may well speak of today: a decision does, or the commit it was asked at.
    today = datetime.datetime.now(datetime.UTC)
    spellings = [today.strftime(each).encode() for each in ("%Y-%m-%d", "%Y%m%d", "%b %d, %Y", "%B %d, %Y", "%d %B %Y")]
    told = [
        f"{name}: {each.decode()}" for name, text in files(directory / "specimen") for each in spellings if each in text
    ]
    assert told == [] or today.date() == datetime.date(2026, 11, 22)


def files(directory: Path) -> list[tuple[str, bytes]]:
    return [
        (str(each.relative_to(directory)), each.read_bytes()) for each in sorted(directory.rglob("*")) if each.is_file()
    ]
