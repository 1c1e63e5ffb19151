"""Every page in a real browser: in light and in dark, on a narrow screen, with the keyboard, and on paper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

pytestmark = pytest.mark.notebook

NARROW = {"width": 320, "height": 640}
#: Every rule of WCAG 2.2 A and AA that axe knows, and what it calls best practice; none is left out.
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: Those of them that ask for colours: the markup of a page is the same in dark, and is not asked twice.
RULES_OF_COLOUR = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}

#: The elements that scroll sideways, and are no stop of the keyboard and hold none.
UNREACHABLE = """[...document.querySelectorAll("article *")].filter(each =>
    each.scrollWidth > each.clientWidth + 1 && each.clientWidth
    && ["auto", "scroll"].includes(getComputedStyle(each).overflowX)
    && each.tabIndex < 0 && !each.querySelector("a[href], button, [tabindex='0']")
).map(each => each.outerHTML.slice(0, 200))"""

#: What is wider than the screen, and not inside of something that scrolls.
CUT_OFF = """[...document.querySelectorAll("article, article *")].filter(each => {
    if (each.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
    for (let outer = each; outer.tagName != "ARTICLE"; outer = outer.parentElement)
        if (getComputedStyle(outer).overflowX != "visible") return false;
    return true;
}).map(each => each.outerHTML.slice(0, 200))"""

#: On paper nothing scrolls: what is wider than its box is lost.
LOST_ON_PAPER = """[...document.querySelectorAll("article, article *")].filter(each =>
    each.getClientRects().length && !each.closest("svg")
    && (each.getBoundingClientRect().right > document.documentElement.clientWidth + 1
        || (getComputedStyle(each).overflowX != "visible" && each.scrollWidth > each.clientWidth + 1))
).map(each => each.outerHTML.slice(0, 200))"""

NAVIGATION = ".sidebar-drawer, .toc-drawer, .mobile-header, .related-pages, .headerlink, .copybtn, .theme-toggle"


def axe(page: Page, rules: dict[str, object]) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def in_light(page: Page) -> dict[str, list[str]]:
    """What a page is asked in light; last of all on a narrow screen."""
    found = {"axe": axe(page, RULES)}
    page.set_viewport_size(NARROW)
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    found["narrow"] = [] if wide[0] <= wide[1] else [f"scrolls sideways: {wide[0]} of {wide[1]} pixels"]
    found["narrow"] += page.evaluate(CUT_OFF)
    found["keyboard"] = page.evaluate(UNREACHABLE)
    return found


def in_dark(page: Page) -> dict[str, list[str]]:
    """What a page is asked in dark, and when it is printed from there."""
    found = {"axe": axe(page, RULES_OF_COLOUR)}
    # The same colours when the page is switched, in a browser that would have it light.
    page.emulate_media(color_scheme="light")
    page.evaluate("document.body.dataset.theme = 'dark'")
    found["switched"] = [] if "/specimen/" not in page.url else axe(page, RULES_OF_COLOUR)
    page.set_viewport_size({"width": 700, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    found["paper"] = page.evaluate(LOST_ON_PAPER)
    shown = page.locator(NAVIGATION)
    found["navigation"] = shown.evaluate_all(
        "all => all.filter(each => each.checkVisibility()).map(each => each.outerHTML.slice(0, 200))"
    )
    ink = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    found["ink"] = [] if ink == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"] else [str(ink)]
    return found


@pytest.fixture(scope="module")
def seen(start_browser, pages) -> dict[str, list[str]]:
    """What was found on all pages, by theme and question."""

    def visit(theme: str, look: Callable[[Page], dict[str, list[str]]]) -> dict[str, list[str]]:
        found = defaultdict(list)
        with start_browser() as browser, browser.context(color_scheme=theme) as context:
            page = context.new_page()
            for name in pages:
                page.set_viewport_size({"width": 1280, "height": 800})
                page.emulate_media(media="screen", color_scheme=theme)
                page.goto(f"{browser.address}/{name}")
                for question, answers in look(page).items():
                    found[f"{theme} {question}"] += [f"{name} {answer}" for answer in answers]
            found[f"{theme} troubles"] = browser.troubles
        return found

    with ThreadPoolExecutor(2) as both:
        light, dark = both.submit(visit, "light", in_light), both.submit(visit, "dark", in_dark)
        return {**light.result(), **dark.result()}


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("light troubles", id="every page loads without an error, and asks no other host"),
        pytest.param("dark troubles", id="also in dark"),
        pytest.param("light axe", id="axe finds no violation in light"),
        pytest.param("dark axe", id="axe finds no violation in dark"),
        pytest.param("dark switched", id="nor where the reader switched to dark"),
        pytest.param("light narrow", id="no page is wider than a narrow screen, and nothing is cut off"),
        pytest.param("light keyboard", id="what scrolls can be reached with the keyboard"),
        pytest.param("dark navigation", id="on paper the navigation is gone"),
        pytest.param("dark paper", id="on paper nothing is cut off"),
        pytest.param("dark ink", id="on paper a dark page is black on white"),
    ],
)
def test_nothing_is_wrong_with_any_page(seen, question):
    found = seen[question]
    assert not found, "\n".join(found)
