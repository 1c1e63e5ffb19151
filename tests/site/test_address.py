"""Address of the site: from the policy or the host, and builds without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from binoc_runbook.site.address import site_address

ROOT = Path(__file__).parents[2]
POLICY = '[tool.binoc-runbook]\nsite = "https://example.org/binoc/"\n'


def test_address_of_the_host_replaces_that_of_the_policy(tmp_path, monkeypatch):
    monkeypatch.delenv("READTHEDOCS_CANONICAL_URL", raising=False)
    assert site_address(tmp_path) == ""
    (tmp_path / "pyproject.toml").write_text(POLICY)
    assert site_address(tmp_path) == "https://example.org/binoc/"
    monkeypatch.setenv("READTHEDOCS_CANONICAL_URL", "https://docs.example.org/en/latest")
    assert site_address(tmp_path) == "https://docs.example.org/en/latest/"
    monkeypatch.delenv("READTHEDOCS_CANONICAL_URL")
    (tmp_path / "pyproject.toml").write_text("[tool.binoc-runbook]\nsite = 1\n")
    assert site_address(tmp_path) == ""


@pytest.mark.notebook
def test_site_without_an_address_has_no_sitemap_and_needs_no_git(tmp_path):
    docs, html = tmp_path / "docs", tmp_path / "html"
    docs.mkdir()
    for name in ("conf.py", "icon.svg", "social-card.png"):
        (docs / name).write_bytes((ROOT / "docs" / name).read_bytes())
    (docs / "_templates").symlink_to(ROOT / "docs/_templates")
    (docs / "index.md").write_text("# A site\n\nText.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(docs), str(html)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (html / "index.html").read_text("utf-8")
    assert 'rel="canonical"' not in page
    assert "og:image" not in page
    assert not (html / "sitemap.xml").exists()
    assert (html / "404.html").exists()
