"""Core metadata of a distribution, in METADATA or PKG-INFO (version 2.4, PEP 440, PEP 508, PEP 639).

Whether it is valid at all, `twine check` reports; here it is compared with what the policy promises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from binoc_runbook.checks.dists.expectation import Defect, Expectation
from binoc_runbook.policy import Artifact, normalised

#: RFC 2606 reserves them for examples.
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
        yield Defect(f"{name} is of `{project}`, not of `{artifact.name}`", edit)
    if version != expectation.version.pep440:
        remedy = f"just set-version {expectation.version.semver}"
        yield Defect(f"{name} says version `{version}`, and `{expectation.version.pep440}` is to be released", remedy)
    yield from _check_requires_python(name, raw, artifact, edit)
    if not raw.get("license_expression"):
        yield Defect(f"{name} has no License-Expression (PEP 639)", edit)
    files = raw.get("license_files", [])
    if not files:
        yield Defect(f"{name} names no License-File (PEP 639)", edit)
    for file in files:
        if f"{licences}{file}" not in members:
            yield Defect(f"{name} names the licence file `{file}`, and `{licences}{file}` is not in the archive", edit)
    urls = [*raw.get("project_urls", {}).values(), raw.get("home_page", ""), raw.get("download_url", "")]
    for url in urls:
        if _PLACEHOLDER.search(url):
            yield Defect(f"{name} has the placeholder `{url}` as an address", edit)
    yield from _check_own_requirements(name, raw, artifact, expectation, edit)


def _check_requires_python(name: str, raw: RawMetadata, artifact: Artifact, edit: str) -> Iterator[Defect]:
    """Check that the required Pythons are those that the tag of the wheels promises."""
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
            yield Defect(
                f"{name} requires Python `{specifier}`, and `{artifact.wheels}` promises 3.{lowest} and up", edit
            )


def _check_own_requirements(
    name: str, raw: RawMetadata, artifact: Artifact, expectation: Expectation, edit: str
) -> Iterator[Defect]:
    """Check that the requirements of other distributions of the policy admit this release and have a lowest version."""
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
            yield Defect(f"{name} requires `{text}`, which does not admit `{expectation.version.pep440}`", remedy)
        elif not any(clause.operator in _LOWEST for clause in requirement.specifier):
            yield Defect(f"{name} requires `{text}` without a lowest version", edit)
