"""The built site and a specimen site with difficult content, served on localhost to a real browser."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

from binoc_runbook.display.styled_html import finding_list, folded, status_badge
from binoc_runbook.finding import Findings

Record = Callable[..., dict[str, object]]

ROOT = Path(__file__).parents[2]
#: Names of Chromium on Debian, on other systems, and on the runners of GitHub.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Neither the services of the browser nor the pages can use the network.
FLAGS = ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]

#: The path of the address of the site, from the policy.
PATH = "/binoc/"

#: Names of the pages that redirect to another one, from `docs/conf.py`.
REDIRECTIONS = ("install", "quick-start", "troubleshooting")

#: A word of the text of the specimen, and a word of the output of its cells.
PROSE_WORD, OUTPUT_WORD = "grebe", "quobbleword"


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory, a_record: Record) -> Path:
    """Return a directory with `site/`, the site of this checkout, and `specimen/`, pages with difficult content."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    sites = shared / "sites"
    # The first of several processes builds the sites.
    with (shared / "sites.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (sites / "complete").exists():
            build_sites(sites, shared, a_record)
            (sites / "complete").touch()
    return sites / "served"


def build_sites(sites: Path, home: Path, a_record: Record) -> None:
    shutil.rmtree(sites, ignore_errors=True)
    write_specimen(sites / "sources", a_record)
    own = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
    tools = {
        name: os.environ.get(f"{name}_HOME", str(Path.home() / f".{name.lower()}")) for name in ("RUSTUP", "CARGO")
    }
    environment = {**os.environ, **own, **{f"{name}_HOME": path for name, path in tools.items()}}
    built = ROOT / "docs/_build/html"
    if built.is_dir():  # built by `just docs`; Sphinx reads only the pages again that have changed since
        shutil.copytree(built / ".doctrees", sites / "site-doctrees")
        shutil.copytree(built, sites / "served/site", ignore=shutil.ignore_patterns(".doctrees"))
    for source, name in ((ROOT / "docs", "site"), (sites / "sources", "specimen")):
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(ROOT / "docs")]
        command += ["-d", str(sites / f"{name}-doctrees"), str(source), str(sites / "served" / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def pages(directory: Path) -> list[str]:
    """Return the paths of all pages, without those of rustdoc, redirections, and the second error page."""
    paths = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*.html"))
    others = ("/reference/binoc-sdk/", "/_static/", "specimen/404.html")
    pages = [page for page in paths if not any(other in page for other in others)]
    return [page for page in pages if Path(page).stem not in REDIRECTIONS or "/" in page.partition("/")[2]]


def find_chromium(variable: str | None, ci: str | None) -> str:
    program = next(filter(None, map(shutil.which, [variable] if variable else NAMES)), None)
    if program is None:
        names = f"`{variable}` (from CHROMIUM)" if variable else ", ".join(NAMES)
        (pytest.fail if ci == "true" else pytest.skip)(f"no browser on PATH: {names}; apt-get install chromium")
    return program


@pytest.fixture(scope="session")
def find_browser():
    return find_chromium


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the browser; without one the tests are skipped, or fail if `CI` is true."""
    return find_chromium(os.environ.get("CHROMIUM"), os.environ.get("CI"))


@pytest.fixture(scope="session")
def address(chromium: str, directory: Path) -> Iterator[str]:
    """Return the address at which both sites are served."""
    handler = functools.partial(QuietHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Handler that also serves the site at the path of its real address, which the page for errors uses."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(f"/site/{path.removeprefix(PATH)}" if path.startswith(PATH) else path)

    def log_message(self, *arguments: object) -> None:
        pass


class Browser:
    """Chromium, and the problems of its pages: console errors, failed requests, requests to other hosts."""

    def __init__(self, playwright: Playwright, program: str, address: str, home: Path) -> None:
        self.address = address
        self.problems: list[str] = []
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        self._chromium = playwright.chromium.launch(executable_path=program, args=FLAGS, env=environment)

    @contextlib.contextmanager
    def context(self, **options: object) -> Iterator[BrowserContext]:
        """Return a new browser context with these options."""
        context = self._chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        context.on("console", lambda entry: self._note(entry.type in ("error", "warning"), entry.page, entry.text))
        context.on("weberror", lambda error: self._note(True, error.page, str(error.error)))
        context.on("request", lambda request: self._note(not self._is_local(request.url), None, f"GET {request.url}"))
        context.on("response", lambda reply: self._note(reply.status >= 400, None, f"{reply.status} for {reply.url}"))
        yield context
        context.close()

    def close(self) -> None:
        self._chromium.close()

    def _is_local(self, url: str) -> bool:
        return url.startswith((f"{self.address}/", "data:", "blob:"))

    def _note(self, is_problem: bool, page: Page | None, text: str) -> None:
        # The console entry for a failed request has no URL; the response has it.
        if is_problem and not text.startswith("Failed to load resource"):
            self.problems.append(f"{page.url if page else ''} {text}".strip())


@pytest.fixture(scope="session")
def start_browser(chromium, address, tmp_path_factory):
    """Return a context manager that runs a browser in the calling thread."""

    @contextlib.contextmanager
    def start() -> Iterator[Browser]:
        with sync_playwright() as playwright:
            browser = Browser(playwright, chromium, address, tmp_path_factory.mktemp("browser"))
            yield browser
            browser.close()

    return start


def write_specimen(sources: Path, a_record: Record) -> None:
    """Write a page with all kinds of content, and the records of three releases; 9.11.0 is complete."""
    (sources / "releases").mkdir(parents=True)
    (sources / "index.md").write_text(_INDEX, "utf-8")
    (sources / "releases/index.md").write_text("# Releases\n\n```{releases}\n```\n", "utf-8")
    for version in ("9.9.9", "9.10.0"):
        (sources / f"releases/{version}.ipynb").write_text(json.dumps(_notebook()), "utf-8")
        (sources / f"releases/{version}.json").write_text(json.dumps(a_record(version)), "utf-8")
    verified = {**a_record("9.9.9"), "outcome": "published"}
    verified["artifacts"] = [{"name": "demo", "registry": "pypi", "state": "published", "digests": ["d" * 64]}]
    (sources / "releases/9.9.9.verified.json").write_text(json.dumps(verified), "utf-8")
    for suffix, content in zip((".ipynb", ".json", ".verified.json"), _complete_release(a_record), strict=True):
        (sources / f"releases/9.11.0{suffix}").write_text(json.dumps(content), "utf-8")


_WIDE = "wide" * 75

_INDEX = f"""\
# A specimen

Of a {PROSE_WORD}, with `a_very_long_name_in_backticks_without_any_place_to_break_it_{"x" * 60}`.

```sh
echo one
echo {_WIDE}  # a comment
```

```text
printed, {_WIDE}
```

| {" | ".join(f"a wide column {number}" for number in range(12))} |
|{"---|" * 12}
| {" | ".join(f"`cell_of_column_{number}`" for number in range(12))} |

```{{toctree}}
releases/index
```
"""


def _complete_release(a_record: Record) -> tuple[dict[str, object], ...]:
    """Return the files of a release with everything that a report shows: an executed runbook, record, verification."""
    finding = {"check": "sync", "status": "warning", "looked_at": "CHANGELOG.md", "saw": "is short", "remedy": ""}
    findings = [{**finding, "check": check, "status": "ok"} for check in ("published", "smoke-test")]
    names = ("demo-9.11.0-cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "demo-9.11.0.tar.gz")
    files = {name: digit * 64 for name, digit in zip(names, "ab", strict=True)}
    artifacts = [
        {"name": "demo", "registry": "pypi", "state": "published", "digests": sorted(files.values()), "files": files},
        {"name": "demo-sdk", "registry": "crates.io", "state": "missing", "digests": []},
    ]
    stages = [{"name": "tree", "seconds": 0.1}, {"name": "sync", "seconds": 0.2, "findings": [finding]}]
    run = {
        "id": 1,
        "status": "in_progress",
        "conclusion": None,
        "url": "https://github.com/example/demo/actions/runs/1",
    }
    tests = {"passed": "2026-11-22T09:00:00Z", "seconds": 100.0, "stored": True}
    record = a_record("9.11.0", stages=stages, workflow_run=run, tests=tests, branch="main")
    verified = {**a_record("9.11.0"), "outcome": "refused", "artifacts": artifacts, "findings": [*findings, finding]}
    notebook = json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
    head = f"{status_badge('warning')} <strong>3. sync</strong>"
    shown = folded(head, finding_list(Findings.from_json([finding, finding])), is_open=True)
    for cell in notebook["cells"]:
        if cell["id"].endswith("-run"):
            cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": shown}}]
    return notebook, record, verified


def _notebook() -> dict[str, object]:
    heads, cells = (
        "".join(cell.format(number) for number in range(12))
        for cell in ('<th scope="col">column {}</th>', "<td>a_wide_cell_{}</td>")
    )
    table = f"<table><caption>A plan</caption><thead><tr>{heads}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"
    folded = f'<details><summary>evidence</summary><pre tabindex="0">{_WIDE}</pre></details>'
    red = "\x1b[31mred\x1b[39m \x1b[33myellow\x1b[39m"
    outputs: list[dict[str, object]] = [
        {"output_type": "stream", "name": "stdout", "text": [f"{OUTPUT_WORD} {red} {_WIDE}\n"]},
        {"output_type": "stream", "name": "stderr", "text": [f"{_WIDE}\n"]},
        {
            "output_type": "error",
            "ename": "ValueError",
            "evalue": "bad",
            "traceback": [f"\x1b[31mValueError\x1b[39m: {_WIDE}"],
        },
    ]
    outputs += [
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "shown", "text/html": markup}}
        for markup in (table, folded)
    ]
    source = f'import os  # {"a comment " * 20}\nraise ValueError(f"{{os.name!r}}")'
    tags: list[list[str]] = [[], ["hide-input"], ["hide-output"]]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Cut a release"},
            *(
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {"tags": names},
                    "execution_count": 1,
                    "source": source,
                    "outputs": outputs,
                }
                for number, names in enumerate(tags)
            ),
        ],
    }
