"""Use of the site: navigation, search, copy buttons, folded cells, dark mode, print."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.notebook

SPECIMEN, RECORD = "specimen/index.html", "specimen/releases/9.9.9.html"


@pytest.fixture(scope="module")
def browser(start_browser):
    with start_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser):
    """Return a function that opens a page in a new context; the test fails if a page has a problem."""
    browser.problems.clear()
    with browser.context() as context:
        page = context.new_page()

        def open_page(path):
            page.goto(f"{browser.address}/{path}")
            return page

        yield open_page
    assert browser.problems == []


def test_card_of_the_landing_page_is_a_link(visit):
    page = visit("site/index.html")
    card = page.locator(".sd-card").filter(has=page.get_by_role("link", name="Cut a release"))
    card.get_by_role("link").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(card).to_have_css("outline-style", "solid")
    card.click()
    expect(page).to_have_url(re.compile("/how-to/cut-a-release.html$"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_sidebar_links_to_pages_and_marks_the_current_one(visit):
    page = visit("site/index.html")
    page.get_by_role("complementary", name="Site").get_by_role("link", name="Policy", exact=True).click()
    expect(page).to_have_url(re.compile("/reference/policy.html$"))
    expect(page.locator(".sidebar-tree .current-page > a")).to_have_text("Policy")


def test_next_and_previous_links(visit):
    page = visit("site/tutorial/first-rehearsal.html")
    here = page.url
    page.locator("a.next-page").click()
    page.wait_for_url(lambda url: url != here)
    page.locator("a.prev-page").click()
    expect(page).to_have_url(here)


def test_navigation_opens_on_a_phone(visit):
    page = visit("site/index.html")
    page.set_viewport_size({"width": 320, "height": 640})
    policy = page.get_by_role("complementary", name="Site").get_by_role("link", name="Cut a release", exact=True)
    expect(policy).not_to_be_in_viewport()
    page.locator("label.nav-overlay-icon").click()
    expect(policy).to_be_in_viewport()


def test_search_finds_text_but_not_cell_outputs(visit):
    page = visit(SPECIMEN)
    field = page.get_by_placeholder("Search")
    field.fill("grebe")
    field.press("Enter")
    expect(page.locator("#search-results .search-summary")).to_contain_text("found one page")
    page.locator("#search-results").get_by_role("link", name="A specimen").click()
    expect(page.get_by_role("heading", name="A specimen")).to_be_visible()
    field.fill("quobbleword")
    field.press("Enter")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")


#: Words that people type, and the page that one of the first three results must lead to.
SEARCHES = {
    "rollback": "reference/glossary",
    "undo": "how-to/undo-a-release",
    "revert": "reference/glossary",
    "yank": "how-to/undo-a-release",
    "retry": "reference/glossary",
    "hotfix": "how-to/undo-a-release",
    "release candidate": "how-to/undo-a-release",
    "pre-release": "reference/glossary",
    "prerelease": "reference/glossary",
    "troubleshooting": "how-to/finish-a-broken-release",
    "stuck": "reference/glossary",
    "failed release": "reference/glossary",
    "quick start": "index",
    "quickstart": "reference/glossary",
    "install": "index",
    "TestPyPI": "how-to/undo-a-release",
    "changelog": "changelog",
    "glossary": "reference/glossary",
    "dry run": "reference/glossary",
    "rehearsal": "reference/glossary",
    "OIDC": "reference/glossary",
    "token": "reference/glossary",
    "credentials": "reference/glossary",
    "attestation": "explanation/provenance",
    "plugin": "how-to/write-a-plugin",
    "csv": "how-to/use-binoc",
    "sqlite": "how-to/use-binoc",
    "papermill": "reference/glossary",
    "exit code": "reference/command",
    "policy": "reference/policy",
    "json": "reference/json",
    "wheel": "reference/glossary",
    "approval": "how-to/cut-a-release",
}


def test_search_finds_what_people_type(visit):
    page = visit("site/search.html?q=undo")
    first = page.locator("#search-results li a").first
    expect(first).to_have_attribute("href", re.compile("glossary.html#term-undo"))
    # The results of one query are computed at once; only the page itself shows them one by one.
    query = "text => Search._performSearch(...Search._parseQuery(text)).reverse().slice(0, 3).map(result => result[0])"
    results = {text: page.evaluate(query, text) for text in SEARCHES}
    assert len(SEARCHES) >= 30
    assert [f"{text}: {results[text]}" for text, name in SEARCHES.items() if name not in results[text]] == []


def test_short_address_and_error_page_lead_to_pages(visit):
    page = visit("site/troubleshooting.html")
    page.wait_for_url(re.compile("/how-to/finish-a-broken-release.html$"))
    page = visit("site/404.html")
    page.locator("article").get_by_role("link", name="Troubleshooting").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Troubleshooting")


def test_stills_are_selected_without_javascript(browser):
    with browser.context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{browser.address}/site/index.html")
        stills = page.locator(".rehearsal-still")
        expect(stills.nth(0)).to_be_visible()
        expect(stills.nth(3)).to_be_hidden()
        page.locator(".rehearsal-stills > label").nth(3).click()
        expect(stills.nth(3)).to_be_visible()
        expect(stills.nth(0)).to_be_hidden()


def test_commands_have_a_copy_button_and_outputs_have_none(browser):
    with browser.context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"{browser.address}/{SPECIMEN}")
        button = page.locator(".highlight-sh button.copybtn")
        button.focus()
        expect(button).to_have_css("opacity", "1")
        button.press("Enter")
        expect(button).to_have_class(re.compile("success"))
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("echo one\necho wide")
        assert "comment" not in copied
        expect(page.locator(".highlight-text button.copybtn")).to_have_count(0)
        page.goto(f"{browser.address}/{RECORD}")
        expect(page.locator(".cell_input button.copybtn")).to_have_count(3)
        expect(page.locator(".cell_output button.copybtn")).to_have_count(0)


def test_link_of_a_heading_scrolls_to_it(visit):
    page = visit("site/how-to/cut-a-release.html")
    heading = page.locator("article h2").last
    heading.hover()
    heading.locator("a.headerlink").click()
    anchor = page.url
    assert "#" in anchor
    elsewhere = visit("site/index.html")
    elsewhere.set_viewport_size({"width": 1280, "height": 400})
    elsewhere.goto(anchor)
    expect(elsewhere.locator("article h2").last).to_be_in_viewport()
    assert elsewhere.evaluate("scrollY") > 0


def test_theme_switch_is_remembered_on_other_pages(visit):
    page = visit("site/index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    switch = page.locator(".theme-toggle-content button")
    switch.click()
    expect(page.locator("body")).to_have_attribute("data-theme", "dark")
    dark = page.evaluate(background)
    assert dark != light
    visit("site/reference/policy.html")
    expect(page.locator("body")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(background) == dark
    switch.click()
    expect(page.locator("body")).to_have_attribute("data-theme", "light")
    assert page.evaluate(background) == light
    switch.click()
    expect(page.locator("body")).to_have_attribute("data-theme", "auto")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == dark


@pytest.mark.parametrize(
    ("path", "wide"),
    [
        pytest.param(SPECIMEN, ".highlight-sh pre", id="code"),
        pytest.param(SPECIMEN, ".highlight-text pre", id="output"),
        pytest.param(SPECIMEN, ".table-wrapper", id="table"),
        pytest.param(RECORD, ".output.stream pre", id="stream"),
        pytest.param(RECORD, ".output.traceback pre", id="traceback"),
        pytest.param(RECORD, ".output.text_html:has(table)", id="table of a cell"),
    ],
)
def test_wide_elements_are_scrolled_with_the_keyboard(visit, path, wide):
    page = visit(path)
    box = page.locator(wide).first
    # Focus an element before the box.
    box.evaluate(
        "each => { const mark = document.createElement('a'); mark.href = '#'; each.before(mark); mark.focus() }"
    )
    page.keyboard.press("Tab")
    expect(box).to_be_focused()
    expect(box).to_have_css("outline-style", "solid")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("each => each.scrollLeft > 0", arg=box.element_handle())


def test_folded_cell_opens_with_the_keyboard(visit):
    page = visit(RECORD)
    folded = page.locator("details:has(.cell_input)")
    expect(folded.locator("summary")).not_to_have_attribute("aria-label", re.compile(""))
    expect(folded.locator("pre")).to_be_hidden()
    folded.locator("summary").press("Enter")
    expect(folded.locator("pre")).to_be_visible()


def test_list_of_releases_has_one_line_for_each_and_leads_to_the_report(visit):
    page = visit("specimen/releases/index.html")
    rows = page.locator("table.release-list tbody tr")
    expect(rows.locator("th")).to_have_text(["9.11.0", "9.10.0", "9.9.9"])
    assert rows.evaluate_all("all => all.every(each => each.getBoundingClientRect().height < 48)")
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Release 9.11.0")
    expect(page.locator("table.release-card")).to_contain_text("an earlier run")
    expect(page.get_by_role("group", name="Status board")).to_contain_text("✓ done")
    expect(page.locator("article")).not_to_contain_text("How it fails")
    digests = page.locator("details", has_text="SHA-256 digests of 2 files")
    expect(digests.locator("code").first).to_be_hidden()
    page.emulate_media(media="print")
    assert digests.locator("code").first.evaluate("each => each.getBoundingClientRect().height") > 0


def test_folded_cells_are_printed(visit):
    page = visit(RECORD)
    folded = page.locator("details:has(.cell_input) pre")
    expect(folded).to_be_hidden()
    page.emulate_media(media="print")
    assert folded.evaluate("each => each.getBoundingClientRect().height") > 0
    assert page.pdf().startswith(b"%PDF")


def test_page_can_be_read_without_javascript(browser):
    with browser.context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{browser.address}/site/adr/index.html")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Decisions")
        page.get_by_role("complementary", name="Site").get_by_role("link", name="Policy", exact=True).click()
        expect(page).to_have_url(re.compile("/reference/policy.html$"))
        assert page.locator("body").evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(255, 255, 255)"


def test_first_focusable_link_skips_the_navigation(visit):
    page = visit("site/index.html")
    skip = page.get_by_role("link", name="Skip to content")
    for _ in range(3):
        page.keyboard.press("Tab")
        if skip.evaluate("each => each == document.activeElement"):
            break
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.url.endswith("#furo-main-content")
