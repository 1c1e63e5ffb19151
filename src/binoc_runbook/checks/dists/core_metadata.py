"""Core metadata of a distribution, in METADATA or PKG-INFO (version 2.4, PEP 440, PEP 508, PEP 639).

`twine check` validates it; this module compares it with the policy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from binoc_runbook.checks.dists.expectation import Defect, Expectation
from binoc_runbook.checks.dists.generated_files import NOTICES
from binoc_runbook.policy import Artifact, normalised, normalised_label

#: Addresses that RFC 2606 reserves for examples.
_PLACEHOLDER = re.compile(
    r"//(?:[^/@]*@)?(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:example|invalid))(?=[:/?#]|$)", re.IGNORECASE
)
#: The operators of a requirement that set a lowest version.
_LOWEST = (">=", ">", "~=", "==", "===")


def check_metadata(
    name: str, data: bytes, artifact: Artifact, expectation: Expectation, members: Collection[str], licences: str
) -> Iterator[Defect]:
    """Check one metadata file of an archive with these members; `licences` is the directory of its licence files."""
    edit = f"edit `{artifact.path}/pyproject.toml`, then `just dist`"
    raw, _ = parse_email(data)
    project, version = raw.get("name", ""), raw.get("version", "")
    if normalised("pypi", project) != normalised("pypi", artifact.name):
        yield Defect(f"{name} has the name `{project}`, not `{artifact.name}`", edit)
    if version != expectation.version.pep440:
        remedy = f"just set-version {expectation.version.semver}"
        yield Defect(f"{name} has version `{version}`, not `{expectation.version.pep440}`", remedy)
    yield from _check_requires_python(name, raw, artifact, edit)
    if not raw.get("license_expression"):
        yield Defect(f"{name} has no License-Expression (PEP 639)", edit)
    files = raw.get("license_files", [])
    if not files:
        yield Defect(f"{name} has no License-File (PEP 639)", edit)
    for file in files:
        if f"{licences}{file}" not in members:
            yield Defect(f"{name} has the License-File `{file}`, but `{licences}{file}` is not in the archive", edit)
    if artifact.third_party_notices and NOTICES not in files:
        remedy = f'write `license-files = ["LICENSE*"]` in `{artifact.path}/pyproject.toml`, then `just dist`'
        yield Defect(f"{name} has no License-File `{NOTICES}`", remedy)
    labels = {normalised_label(label) for label in raw.get("project_urls", {})}
    for label in expectation.policy.project_urls:
        if normalised_label(label) not in labels:
            remedy = f"add `{label}` to `[project.urls]` in `{artifact.path}/pyproject.toml`, then `just dist`"
            yield Defect(f"{name} has no Project-URL `{label}`", remedy)
    urls = [*raw.get("project_urls", {}).values(), raw.get("home_page", ""), raw.get("download_url", "")]
    for url in urls:
        if _PLACEHOLDER.search(url):
            yield Defect(f"{name} has the placeholder URL `{url}`", edit)
    yield from _check_own_requirements(name, raw, artifact, expectation, edit)


def _check_requires_python(name: str, raw: RawMetadata, artifact: Artifact, edit: str) -> Iterator[Defect]:
    """Check that Requires-Python agrees with the tag of the wheels."""
    specifier = raw.get("requires_python")
    if not specifier:
        yield Defect(f"{name} has no Requires-Python", edit)
        return
    try:
        required = SpecifierSet(specifier)
    except InvalidSpecifier:
        return  # reported by `twine check`
    if match := re.match(r"cp3([0-9]+)-", artifact.wheels or ""):
        lowest = int(match[1])
        if f"3.{lowest}" not in required or f"3.{lowest - 1}.99" in required:
            yield Defect(f"{name} requires Python `{specifier}`, but `{artifact.wheels}` means `>=3.{lowest}`", edit)


def _check_own_requirements(
    name: str, raw: RawMetadata, artifact: Artifact, expectation: Expectation, edit: str
) -> Iterator[Defect]:
    """Check that requirements of other distributions of the policy allow this release and have a lowest version."""
    artifacts = expectation.policy.artifacts
    names = {normalised("pypi", other.name) for other in artifacts if other.registry == "pypi" and other != artifact}
    for text in raw.get("requires_dist", []):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # reported by `twine check`
        if normalised("pypi", requirement.name) not in names:
            continue
        if not requirement.specifier.contains(expectation.version.pep440, prereleases=True):
            remedy = f"just set-version {expectation.version.semver}"
            yield Defect(f"{name} requires `{text}`, which excludes `{expectation.version.pep440}`", remedy)
        elif not any(clause.operator in _LOWEST for clause in requirement.specifier):
            yield Defect(f"{name} requires `{text}` without a lowest version", edit)
