"""Title of an executed runbook: what ran, so that the record of a rehearsal does not look like that of a release."""

from __future__ import annotations

from typing import Any

from binoc_runbook.notebook.messages import MARK
from binoc_runbook.redaction import Translate


def record_title(runbook: str, parameters: dict[str, Any]) -> str:
    """Return the title for the parameters of a run; `runbook` is `release` or `verify`."""
    version = parameters.get("version")
    world = str(parameters.get("world", "real"))
    if runbook == "verify":
        words = f"Verification of {version}" if version else "Verification of a release"
        return f"{words} in a rehearsal" if world != "real" else words
    release = f"release {version}" if version else "a release"
    if world != "real":
        words = f"Rehearsal of {release}"
        return f"{words} (dry run)" if parameters.get("dry_run", True) is not False else words
    return f"Dry run of {release}" if parameters.get("dry_run", True) is not False else f"Release {version}"


def set_title(nb: Any, clean: Translate) -> None:
    """Replace the title of a runbook that runs, in its first heading and in the metadata, which nbconvert reads.

    `clean` removes secrets and paths of the machine from the parameters.
    """
    runbook = nb.metadata.get(MARK, {}).get("runbook")
    heading = next((cell for cell in nb.cells if cell.cell_type == "markdown" and cell.source.startswith("# ")), None)
    if runbook is None or heading is None:
        return
    title = clean(record_title(runbook, nb.metadata.papermill.get("parameters", {})))
    nb.metadata["title"] = title
    heading.source = "\n".join([f"# {title}", *heading.source.splitlines()[1:]])
