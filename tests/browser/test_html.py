"""HTML of the site: valid, without broken links, machine paths and build dates."""

from __future__ import annotations

import datetime
import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import turbohtml
from turbohtml import Document, Element, TokenType

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.notebook


#: Elements without content and end tag (HTML, *Void elements*).
VOID = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]


@pytest.fixture(scope="module")
def texts(directory, pages) -> dict[str, str]:
    return {page: (directory / page).read_text("utf-8") for page in pages}


@pytest.fixture(scope="module")
def trees(texts) -> dict[str, Document]:
    return {page: turbohtml.parse(text) for page, text in texts.items()}


def ids(tree: Document) -> list[str]:
    return [attribute(element, "id") for element in tree.iter_elements() if attribute(element, "id")]


def attribute(element: Element, name: str) -> str:
    """Return an attribute as it is in the file, or an empty text; the parser splits lists such as `headers`."""
    value = element.attrs.get(name) or ""
    return value if isinstance(value, str) else " ".join(value)


def html_errors(text: str) -> Iterator[str]:
    """Yield the errors of the tokenizer, and the first element that the parser moves, closes or adds.

    So all tags must be written, also those that HTML allows to omit; except `tbody`, which Sphinx omits.
    """
    # The tokenizer skips the content of `noscript` too.
    tree = turbohtml.parse(text, scripting=True)
    for error in tree.errors:
        yield f"line {error.line}: {error.code}"
    written, opened = list[tuple[str, str]](), ["document"]
    for token in turbohtml.tokenize(text):
        tag = str(token.tag)
        if token.type == TokenType.START_TAG:
            written.append((tag.lower(), opened[-1].lower()))
            if tag not in VOID and not token.self_closing:
                opened.append(tag)
        elif token.type == TokenType.END_TAG and opened.pop() != tag:
            yield f"line {token.line}: `</{tag}>` does not close the last open tag"
            return
    if opened != ["document"]:
        yield f"not closed: {' '.join(opened[1:])}"
    parsed = [
        (element.tag.lower(), getattr(element.parent, "tag", "document").lower()) for element in tree.iter_elements()
    ]
    for is_written, is_parsed in itertools.zip_longest(*map(without_tbody, (written, parsed))):
        if is_written != is_parsed:
            yield f"{is_written} is parsed as {is_parsed}; each is an element with its parent"
            return
    if not text.lower().startswith("<!doctype html>"):
        yield "no doctype"


def without_tbody(elements: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(tag, "table" if parent == "tbody" else parent) for tag, parent in elements if tag != "tbody"]


def page_of(body: str) -> str:
    head = '<!DOCTYPE html><html lang="en"><head><title>A page</title></head>'
    return f"{head}<body>{body}</body></html>"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('<p id="a" hidden>a &lt; b<br/>&copy;</p><svg viewBox="0 0 1 1"><path d="M0"/></svg>', ""),
        ("<table><tr><td>a</td></tr></table>", ""),
        ('<p class="a" class="b">a</p>', "duplicate-attribute"),
        ("<p>&unknown; a</p>", "unknown-named-character-reference"),
        ("<div/>", "trailing-solidus"),
        ("<p>a</p></p>", "`</p>`"),
        ("<b><i>a</b></i>", "`</b>`"),
        ("<div><p>a</p>", "`</body>`"),
        ("<p><div>a</div></p>", "('div', 'p')"),
        ("<table><b>a</b></table>", "('b', 'body')"),
        ('<a href="x"><a href="y">a</a></a>', "('a', 'a')"),
        ("<h1><h2>a</h2></h1>", "('h2', 'h1')"),
        ("<svg><p>a</p></svg>", "('p', 'svg')"),
        ("<form><form></form></form>", "('form', 'form')"),
    ],
)
def test_invalid_html_is_found(body, error):
    errors = list(html_errors(page_of(body)))
    assert errors == [] if not error else error in errors[0]


def test_every_page_is_valid_html(texts):
    assert [f"{page} {error}" for page, text in texts.items() for error in html_errors(text)] == []


def test_ids_are_unique(trees):
    assert [f"{page} {name}" for page, tree in trees.items() for name, n in Counter(ids(tree)).items() if n > 1] == []


def test_references_to_ids_exist(trees):
    names = ("for", "headers", "aria-controls", "aria-describedby", "aria-labelledby", "aria-owns", "list")
    missing = [
        f"{page} {name}={reference}"
        for page, tree in trees.items()
        for element in tree.iter_elements()
        for name in names
        for reference in attribute(element, name).split()
        if reference not in ids(tree)
    ]
    assert missing == []


def test_every_page_has_a_title_a_language_and_one_h1(trees):
    for page, tree in trees.items():
        assert [title.text.strip() != "" for title in tree.select("head > title")] == [True], page
        assert [attribute(root, "lang") for root in tree.select("html")] == ["en"], page
        assert len(tree.select("h1")) == 1, page


def test_heading_levels_have_no_gaps(trees):
    jumps = []
    for page, tree in trees.items():
        headings = (tree.select_one("article") or tree).select("h1, h2, h3, h4, h5, h6")
        levels = [int(heading.tag[1]) for heading in headings]
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
            if path.startswith("binoc/"):  # the page for errors, whose links have the path of the site
                path = f"site/{path.removeprefix('binoc/')}"
            path = f"{path}index.html" if path.endswith("/") else path
            inside = path.partition("/")[0] == page.partition("/")[0]
            file_is_missing = not inside or not (directory / path).is_file()
            id_is_missing = path in known and target.fragment and unquote(target.fragment) not in known[path]
            if file_is_missing or id_is_missing:
                broken.append(f"{page}: {link}")
    assert broken == []


def links(tree: Document) -> Iterator[str]:
    for element in tree.iter_elements():
        for name in ("href", "src"):
            # `#` alone is the top of any page.
            if name in element.attrs and (link := attribute(element, name)) != "#":
                yield link


def pages_of_the_site(trees) -> dict[str, Document]:
    return {page.removeprefix("site/"): tree for page, tree in trees.items() if page.startswith("site/")}


def test_titles_are_unique_and_previous_and_next_page_differ(trees):
    titles = Counter(tree.select_one("head > title").text for tree in pages_of_the_site(trees).values())
    assert [title for title, number in titles.items() if number > 1] == []
    for page, tree in trees.items():
        neighbours = [attribute(link, "href") for link in tree.select("a.prev-page, a.next-page")]
        assert len(set(neighbours)) == len(neighbours), page


def test_pages_have_metadata_and_links_to_their_source(trees):
    address, repository = "https://harvard-lil.github.io/binoc/", "https://github.com/harvard-lil/binoc"
    without_source = {"404.html", "genindex.html", "search.html"}
    for page, tree in pages_of_the_site(trees).items():
        if page in without_source:
            continue
        (canonical,) = tree.select("link[rel=canonical]")
        assert attribute(canonical, "href") == f"{address}{page}"
        tags = {
            attribute(tag, "property") or attribute(tag, "name"): attribute(tag, "content")
            for tag in tree.select("meta")
        }
        assert tags["og:url"] == f"{address}{page}"
        assert tags["og:image"] == f"{address}social-card.png"
        assert tags["description"] == tags["og:description"] != "", page
        source = f"{'' if page.startswith('runbooks/') else 'docs/'}{page.removesuffix('.html')}"
        (edit,) = tree.select(".edit-this-page a")
        assert attribute(edit, "href").startswith(f"{repository}/edit/main/{source}.")
        assert (ROOT / attribute(edit, "href").partition("/main/")[2]).is_file(), page


def test_commands_are_marked_and_not_split(trees):
    tree = pages_of_the_site(trees)["how-to/cut-a-release.html"]
    blocks = [block.text for block in tree.select(".highlight-sh pre")]
    assert any("./just prepare 0.5.0" in block for block in blocks)
    assert not any("needs an account" in block for block in blocks)
    source = (ROOT / "docs/how-to/cut-a-release.md").read_text("utf-8")
    assert len(tree.select(".needs-account")) == source.count("# needs an account") > 0
    assert not any(span.text in ("0", "5", ".5") for span in tree.select(".highlight-sh span"))


def test_landing_page_shows_the_state_and_stills_without_scripts_or_other_files(directory, trees):
    tree = pages_of_the_site(trees)["index.html"]
    strip = tree.select_one(".status-strip").text
    assert all(word in strip for word in ("elease", "Tests", "commit", " checked, ", " tested, ", " manual, "))
    assert " 0 violated" in strip
    assert 5 <= len(tree.select(".rehearsal-still")) <= 8
    (drawing,) = tree.select("svg.rehearsal-transcript")
    assert all(word in drawing.text for word in ("tree", "push-tag", "0.4.0"))
    assert not any(word in drawing.text for word in ("font-face", "url(", "http"))


def test_landing_page_is_light(directory, trees):
    """Add the bytes of the page and of the stylesheets and scripts that it loads."""
    tree = pages_of_the_site(trees)["index.html"]
    files = {attribute(element, "href") for element in tree.select("link[rel=stylesheet]")}
    files |= {attribute(element, "src") for element in tree.select("script[src]")}
    paths = [directory / "site" / urlsplit(file).path for file in ("index.html", *files)]
    assert sum(path.stat().st_size for path in paths) <= 300_000


def test_sitemap_lists_pages_with_their_address(directory):
    text = (directory / "site/sitemap.xml").read_text("utf-8")
    assert "<loc>https://harvard-lil.github.io/binoc/index.html</loc>" in text
    assert "404.html" not in text
    assert "search.html" not in text


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
