"""The built site, and beside it a specimen of what a page can hold, served on loopback to a real browser."""

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

Record = Callable[..., dict[str, object]]

ROOT = Path(__file__).parents[2]
#: What a Chromium is called, by Debian, by others, and by the runners of GitHub.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: No service of the browser itself reaches out, and no page could.
FLAGS = ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]

#: In the prose of the specimen, and in what its cells printed.
PROSE_WORD, OUTPUT_WORD = "grebe", "quobbleword"


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory, a_record: Record) -> Path:
    """Holds `site/`, the site of this checkout, and `specimen/`, built alike from pages that show what can go wrong."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    made = shared / "sites"
    # Where tests run side by side, whoever comes first builds for all.
    with (shared / "sites.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "whole").exists():
            build_sites(made, shared, a_record)
            (made / "whole").touch()
    return made / "served"


def build_sites(made: Path, home: Path, a_record: Record) -> None:
    shutil.rmtree(made, ignore_errors=True)
    write_specimen(made / "sources", a_record)
    own = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
    tools = {
        name: os.environ.get(f"{name}_HOME", str(Path.home() / f".{name.lower()}")) for name in ("RUSTUP", "CARGO")
    }
    environment = {**os.environ, **own, **{f"{name}_HOME": path for name, path in tools.items()}}
    built = ROOT / "docs/_build/html"
    if built.is_dir():  # by `just docs`; Sphinx reads again only the pages that have changed since
        shutil.copytree(built / ".doctrees", made / "site-doctrees")
        shutil.copytree(built, made / "served/site", ignore=shutil.ignore_patterns(".doctrees"))
    for source, name in ((ROOT / "docs", "site"), (made / "sources", "specimen")):
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(ROOT / "docs")]
        command += ["-d", str(made / f"{name}-doctrees"), str(source), str(made / "served" / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def pages(directory: Path) -> list[str]:
    """Every page of ours, by its path below `directory`; those that rustdoc makes are not ours."""
    found = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*.html"))
    return [page for page in found if "/reference/binoc-sdk/" not in page and "/_static/" not in page]


def look_for_chromium(named: str | None, ci: str | None) -> str:
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        looked = f"`{named}`, which CHROMIUM names" if named else f"{', '.join(NAMES)} on PATH"
        (pytest.fail if ci == "true" else pytest.skip)(
            f"no browser to look at the site with (looked for {looked}): apt-get install chromium"
        )
    return found


@pytest.fixture(scope="session")
def look_for():
    return look_for_chromium


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program; without one these tests are left out, but not where continuous integration says that it runs."""
    return look_for_chromium(os.environ.get("CHROMIUM"), os.environ.get("CI"))


@pytest.fixture(scope="session")
def address(chromium: str, directory: Path) -> Iterator[str]:
    """Where both sites are served."""
    handler = functools.partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *told: object) -> None:
        pass


class Browser:
    """One Chromium, and the troubles of its pages: errors in the console, failed requests, requests to others."""

    def __init__(self, playwright: Playwright, program: str, address: str, home: Path) -> None:
        self.address = address
        self.troubles: list[str] = []
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        self._chromium = playwright.chromium.launch(executable_path=program, args=FLAGS, env=environment)

    @contextlib.contextmanager
    def context(self, **options: object) -> Iterator[BrowserContext]:
        """A visitor of the site, with settings of their own."""
        context = self._chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        context.on("console", lambda said: self._note(said.type in ("error", "warning"), said.page, said.text))
        context.on("weberror", lambda error: self._note(True, error.page, str(error.error)))
        context.on("request", lambda asked: self._note(not self._own(asked.url), None, f"a request to {asked.url}"))
        context.on("response", lambda got: self._note(got.status >= 400, None, f"{got.status} for {got.url}"))
        yield context
        context.close()

    def close(self) -> None:
        self._chromium.close()

    def _own(self, url: str) -> bool:
        return url.startswith((f"{self.address}/", "data:", "blob:"))

    def _note(self, wrong: bool, page: Page | None, what: str) -> None:
        # What was missing is in the responses; here the browser says only that something was.
        if wrong and not what.startswith("Failed to load resource"):
            self.troubles.append(f"{page.url if page else ''} {what}".strip())


@pytest.fixture(scope="session")
def start_browser(chromium, address, tmp_path_factory):
    """Starts a browser in the thread that calls it, and ends it."""

    @contextlib.contextmanager
    def start() -> Iterator[Browser]:
        with sync_playwright() as playwright:
            browser = Browser(playwright, chromium, address, tmp_path_factory.mktemp("browser"))
            yield browser
            browser.close()

    return start


def write_specimen(sources: Path, a_record: Record) -> None:
    """A page with everything that a cell can show, and the records of two releases."""
    (sources / "releases").mkdir(parents=True)
    (sources / "index.md").write_text(_INDEX, "utf-8")
    (sources / "releases/index.md").write_text("# Releases\n\n```{releases}\n```\n", "utf-8")
    for version in ("9.9.9", "9.10.0"):
        (sources / f"releases/{version}.ipynb").write_text(json.dumps(_notebook()), "utf-8")
        (sources / f"releases/{version}.json").write_text(json.dumps(a_record(version)), "utf-8")
    verified = {**a_record("9.9.9"), "outcome": "published"}
    verified["artifacts"] = [{"name": "demo", "registry": "pypi", "state": "published", "digests": ["d" * 64]}]
    (sources / "releases/9.9.9.verified.json").write_text(json.dumps(verified), "utf-8")


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


def _notebook() -> dict[str, object]:
    heads, cells = (
        "".join(each.format(number) for number in range(12))
        for each in ('<th scope="col">column {}</th>', "<td>a_wide_cell_{}</td>")
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
                    "metadata": {"tags": each},
                    "execution_count": 1,
                    "source": source,
                    "outputs": outputs,
                }
                for number, each in enumerate(tags)
            ),
        ],
    }
