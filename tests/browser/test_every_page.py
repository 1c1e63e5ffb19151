"""Every page in a real browser: light and dark, narrow screens, keyboard, and print."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

pytestmark = pytest.mark.notebook

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 320, "height": 640}
#: All rules of axe for WCAG 2.2 A and AA, and its best practices.
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: The rules about colours, for dark pages; their markup is the same as in light.
RULES_OF_COLOUR = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}

#: Elements that scroll sideways, but cannot be focused and contain no focusable element.
UNREACHABLE = """[...document.querySelectorAll("article *")].filter(each =>
    each.scrollWidth > each.clientWidth + 1 && each.clientWidth
    && ["auto", "scroll"].includes(getComputedStyle(each).overflowX)
    && each.tabIndex < 0 && !each.querySelector("a[href], button, [tabindex='0']")
).map(each => each.outerHTML.slice(0, 200))"""

#: Elements that are wider than the screen, and not in a scrollable element.
CUT_OFF = """[...document.querySelectorAll("article, article *")].filter(each => {
    if (each.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
    for (let outer = each; outer.tagName != "ARTICLE"; outer = outer.parentElement)
        if (getComputedStyle(outer).overflowX != "visible") return false;
    return true;
}).map(each => each.outerHTML.slice(0, 200))"""

#: Elements that are cut off in print, where nothing scrolls.
LOST_ON_PAPER = """[...document.querySelectorAll("article, article *")].filter(each =>
    each.getClientRects().length && !each.closest("svg")
    && (each.getBoundingClientRect().right > document.documentElement.clientWidth + 1
        || (getComputedStyle(each).overflowX != "visible" && each.scrollWidth > each.clientWidth + 1))
).map(each => each.outerHTML.slice(0, 200))"""

#: Removes list items, rows and definitions of the same kind as ten others: the rules of axe give the same results for
#: them, and take most of the time on the pages that list all messages and names.
REMOVE_REPETITIONS = """() => {
    const counts = {};
    for (const each of document.querySelectorAll("li, tr, dl.py, section > p")) {
        if (!each.isConnected) continue;
        const parts = each.matches("dl") ? [each] : [each.parentElement, each, ...each.querySelectorAll("*")];
        const kind = [...new Set(parts.map(part => `${part.tagName}.${part.className}`))].sort().join();
        counts[kind] = (counts[kind] || 0) + 1;
        if (counts[kind] > 10) each.remove();
    }
}"""

NAVIGATION = ".sidebar-drawer, .toc-drawer, .mobile-header, .related-pages, .headerlink, .copybtn, .theme-toggle"


def axe(page: Page, rules: dict[str, object]) -> list[str]:
    page.evaluate(REMOVE_REPETITIONS)
    page.evaluate(AXE_SCRIPT)
    result = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def in_light(page: Page) -> dict[str, list[str]]:
    """Return the problems of a page in light, first on a narrow screen."""
    problems = {}
    page.set_viewport_size(NARROW)
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    problems["narrow"] = [] if wide[0] <= wide[1] else [f"scrolls sideways: {wide[0]} of {wide[1]} pixels"]
    problems["narrow"] += page.evaluate(CUT_OFF)
    problems["keyboard"] = page.evaluate(UNREACHABLE)
    page.set_viewport_size(WIDE)
    problems["axe"] = axe(page, RULES)
    return problems


def in_dark(page: Page) -> dict[str, list[str]]:
    """Return the problems of a page in print, and in dark."""
    problems = {}
    page.set_viewport_size({"width": 700, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    problems["paper"] = page.evaluate(LOST_ON_PAPER)
    navigation = page.locator(NAVIGATION)
    problems["navigation"] = navigation.evaluate_all(
        "all => all.filter(each => each.checkVisibility()).map(each => each.outerHTML.slice(0, 200))"
    )
    ink = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    problems["ink"] = [] if ink == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"] else [str(ink)]
    page.set_viewport_size(WIDE)
    page.emulate_media(media="screen", color_scheme="dark")
    problems["axe"] = axe(page, RULES_OF_COLOUR)
    # The colours are the same if the reader switches to dark in a browser that prefers light.
    page.emulate_media(color_scheme="light")
    page.evaluate("document.body.dataset.theme = 'dark'")
    problems["switched"] = [] if "/specimen/" not in page.url else axe(page, RULES_OF_COLOUR)
    return problems


@pytest.fixture(scope="module")
def problems(start_browser, pages) -> dict[str, list[str]]:
    """Return the problems of all pages, by theme and check."""

    def visit(theme: str, look: Callable[[Page], dict[str, list[str]]]) -> dict[str, list[str]]:
        results = defaultdict(list)
        with start_browser() as browser, browser.context(color_scheme=theme) as context:
            page = context.new_page()
            for name in pages:
                page.set_viewport_size(WIDE)
                page.emulate_media(media="screen", color_scheme=theme)
                page.goto(f"{browser.address}/{name}")
                for check, items in look(page).items():
                    results[f"{theme} {check}"] += [f"{name} {item}" for item in items]
            results[f"{theme} requests"] = browser.problems
        return results

    with ThreadPoolExecutor(2) as both:
        light, dark = both.submit(visit, "light", in_light), both.submit(visit, "dark", in_dark)
        return {**light.result(), **dark.result()}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param("light requests", id="no console errors, failed requests or other hosts in light"),
        pytest.param("dark requests", id="no console errors, failed requests or other hosts in dark"),
        pytest.param("light axe", id="axe in light"),
        pytest.param("dark axe", id="axe in dark"),
        pytest.param("dark switched", id="axe after a switch to dark"),
        pytest.param("light narrow", id="fits a narrow screen"),
        pytest.param("light keyboard", id="scrollable elements can be focused"),
        pytest.param("dark navigation", id="print without navigation"),
        pytest.param("dark paper", id="print without cut-off elements"),
        pytest.param("dark ink", id="print in black on white"),
    ],
)
def test_page_has_no_problems(problems, check):
    assert not problems[check], "\n".join(problems[check])
