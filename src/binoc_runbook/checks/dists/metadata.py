"""What a distribution says about itself, in METADATA or PKG-INFO (core metadata 2.4, PEP 440, PEP 508, PEP 639)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.metadata import Metadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from binoc_runbook.checks.dists.problem import Problem
from binoc_runbook.policy import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from packaging.metadata import RawMetadata

    from binoc_runbook.checks.dists.problem import Wanted
    from binoc_runbook.policy import Artifact

#: RFC 2606 reserves them for examples.
_PLACEHOLDER = re.compile(
    r"//(?:[^/@]*@)?(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:example|invalid))(?=[:/?#]|$)", re.IGNORECASE
)
_FLOORS = (">=", ">", "~=", "==", "===")


def metadata(
    name: str, data: bytes, artifact: Artifact, wanted: Wanted, there: Collection[str], licences: str
) -> Iterator[Problem]:
    """Ask one metadata file everything; `there` are the archive's members, `licences` the folder of licence files."""
    edit = f"edit `{artifact.path}/pyproject.toml`, then `just dist`"
    raw, unparsed = parse_email(data)
    if unparsed:
        yield Problem(f"{name} holds what is not metadata: {', '.join(f'`{key}`' for key in sorted(unparsed))}", edit)
    else:
        yield from _valid(name, data, edit)
    project, version = raw.get("name", ""), raw.get("version", "")
    if normalised("pypi", project) != normalised("pypi", artifact.name):
        yield Problem(f"{name} is of `{project}`, not of `{artifact.name}`", edit)
    if version != wanted.version.pep440:
        remedy = f"just set-version {wanted.version.semver}"
        yield Problem(f"{name} says version `{version}`, and `{wanted.version.pep440}` is to be released", remedy)
    yield from _python(name, raw, artifact, edit)
    if not raw.get("license_expression"):
        yield Problem(f"{name} has no License-Expression (PEP 639)", edit)
    files = raw.get("license_files", [])
    if not files:
        yield Problem(f"{name} names no License-File (PEP 639)", edit)
    for file in files:
        if f"{licences}{file}" not in there:
            yield Problem(f"{name} names the licence file `{file}`, and `{licences}{file}` is not in the archive", edit)
    urls = [*raw.get("project_urls", {}).values(), raw.get("home_page", ""), raw.get("download_url", "")]
    for url in urls:
        if _PLACEHOLDER.search(url):
            yield Problem(f"{name} has the placeholder `{url}` as an address", edit)
    yield from _floors(name, raw, artifact, wanted, edit)


def _valid(name: str, data: bytes, edit: str) -> Iterator[Problem]:
    try:
        Metadata.from_email(data, validate=True)
    except ExceptionGroup as group:
        for error in group.exceptions:
            yield Problem(f"{name} is not valid: {error}", edit)


def _python(name: str, raw: RawMetadata, artifact: Artifact, edit: str) -> Iterator[Problem]:
    """Whether the Pythons that are asked for are those that the wheels' tag promises."""
    says = raw.get("requires_python")
    if not says:
        yield Problem(f"{name} has no Requires-Python", edit)
        return
    try:
        asked = SpecifierSet(says)
    except InvalidSpecifier:
        return  # `_valid` has told
    if match := re.match(r"cp3([0-9]+)-", artifact.wheels or ""):
        lowest = int(match[1])
        if f"3.{lowest}" not in asked or f"3.{lowest - 1}.99" in asked:
            yield Problem(f"{name} requires Python `{says}`, and `{artifact.wheels}` promises 3.{lowest} and up", edit)


def _floors(name: str, raw: RawMetadata, artifact: Artifact, wanted: Wanted, edit: str) -> Iterator[Problem]:
    """Whether what is required of our other distributions admits this release, and says from where on."""
    ours = {normalised("pypi", each.name) for each in wanted.policy.artifacts if each.registry == "pypi"}
    for text in raw.get("requires_dist", []):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # `_valid` has told
        if normalised("pypi", requirement.name) not in ours - {normalised("pypi", artifact.name)}:
            continue
        if not requirement.specifier.contains(wanted.version.pep440, prereleases=True):
            remedy = f"just set-version {wanted.version.semver}"
            yield Problem(f"{name} requires `{text}`, which does not admit `{wanted.version.pep440}`", remedy)
        elif not any(clause.operator in _FLOORS for clause in requirement.specifier):
            yield Problem(f"{name} requires `{text}` without a lowest version", edit)
