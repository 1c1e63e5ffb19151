"""The documented configuration builds a complete site in another workspace."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.notebook

PAGES = {
    "index.md": """\
# A site

```{toctree}
runbooks/release
releases/index
adr/index
```
""",
    "releases/index.md": "# Releases\n\n```{releases}\n```\n",
    "adr/index.md": "# Decisions\n\n```{decided} private\nNothing else is published.\n```\n\n```{decisions}\n```\n",
}


def test_documented_configuration_builds_the_site_of_another_workspace(checkout, tmp_path):
    page = (ROOT / "docs/how-to/use-it-for-your-workspace.md").read_text("utf-8")
    (conf,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for name, text in {"conf.py": conf, **PAGES}.items():
        checkout.write(f"docs/{name}", text)
    (checkout.root / "runbooks").mkdir()
    shutil.copy(ROOT / "runbooks/release.ipynb", checkout.root / "runbooks")
    checkout.write(".gitignore", "/runs/\n/docs/runbooks/\n")
    checkout.commit("A site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "docs", str(tmp_path / "html")]
    done = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")

    def text(name):
        return re.sub("<[^>]+>", "", (tmp_path / f"html/{name}.html").read_text("utf-8"))

    assert checkout.head()[:12] in text("runbooks/release")
    assert "No release yet" in text("releases/index")
    assert "✓ checked" in text("adr/index")
    assert "crates/demo-core/Cargo.toml" in text("adr/index")


def test_former_name_of_the_extension_fails_with_the_current_name(tmp_path):
    (tmp_path / "conf.py").write_text('extensions = ["binoc_runbook.display.sphinx"]\n')
    (tmp_path / "index.md").write_text("# A site\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(tmp_path), str(tmp_path / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "binoc_runbook.site" in done.stderr
