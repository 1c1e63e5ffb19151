"""Check of the dists: one correct set of files, and changes that each cause one finding."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import tarfile
import zipfile
from dataclasses import dataclass, field, replace

import pytest

from binoc_runbook.checks.dists import dists
from binoc_runbook.checks.dists.checksum_file import parse_checksums
from binoc_runbook.checks.dists.commit_files import CommitFiles, object_name
from binoc_runbook.checks.dists.expectation import Expectation, HostPlatform, PlatformSelection, host_platform
from binoc_runbook.checks.dists.shared_libraries import is_stripped
from binoc_runbook.checks.dists.tools import run_tools
from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.dist.inspect import temporary_home
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version
from binoc_runbook.world.processes import Processes

COMMIT = "c0ffee" + "0" * 34
LINUX, MAC = "manylinux_2_17_x86_64", "macosx_11_0_arm64"
PLATFORMS = (LINUX, MAC)
POLICY = Policy(
    declared=True,
    artifacts=(
        Artifact("demo", "pypi", "python/demo", wheels="cp310-abi3", platforms=PLATFORMS),
        Artifact("demo-sqlite", "pypi", "python/demo-sqlite", wheels="cp310-abi3", platforms=PLATFORMS),
        Artifact("demo-sdk", "crates.io", "crates/demo-sdk"),
    ),
)
HOST = HostPlatform("linux", "x86_64", frozenset({LINUX, "manylinux_2_5_x86_64"}))

SDIST, WHEEL, CRATE = "demo-0.4.0.tar.gz", f"demo-0.4.0-cp310-abi3-{LINUX}.whl", "demo-sdk-0.4.0.crate"
PLUGIN = f"demo_sqlite-0.4.0-cp310-abi3-{LINUX}.whl"
INFO = "demo-0.4.0.dist-info"
LIBRARY = "library " * 200 + "\0"


def metadata(name, version, *requires):
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {name}",
        f"Version: {version}",
        "Summary: A demonstration.",
        *(f"Requires-Dist: {requirement}" for requirement in requires),
        "License-Expression: MIT",
        "License-File: LICENSE",
        "Requires-Python: >=3.10",
        "Description-Content-Type: text/markdown",
        "Project-URL: Repository, https://github.com/harvard-lil/binoc",
    ]
    return "\n".join(lines) + "\n\nMore about it.\n"


def sbom(version, root="file://."):
    reference = f"path+{root}/python/demo#{version}"
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "metadata": {"component": {"bom-ref": reference, "name": "demo", "version": version}},
            "components": [{"name": "serde", "version": "1.0.0", "purl": "pkg:cargo/serde@1.0.0"}],
        }
    )


@dataclass
class Files:
    """Files of a release before they are written: the members of each archive, and special members."""

    version: Version
    archives: dict[str, dict[str, str]] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)

    def rename(self, old, new):
        self.archives[new] = self.archives.pop(old)

    def edit(self, archive, member, old, new):
        text = self.archives[archive][member]
        assert text.count(old) == 1, f"{member} contains {old!r} {text.count(old)} times"
        self.archives[archive][member] = text.replace(old, new)

    def tree(self):
        """Return the files of a commit from which these sdists are built."""
        texts = {}
        for archive, members in self.archives.items():
            root, suffix, _ = archive.partition(".tar.gz")
            artifact = root.rpartition("-")[0].replace("_", "-")
            for member, text in members.items() if suffix else ():
                texts[f"python/{artifact}/{member.removeprefix(f'{root}/')}"] = text
        return CommitFiles({path: object_name(text.encode(), 40) for path, text in texts.items()}, texts)

    def packaged(self):
        """Return the output of `cargo package --list` for a commit from which these crates are built."""
        ending = f"-{self.version.semver}.crate"
        return {
            name.removesuffix(ending): frozenset(member.partition("/")[2] for member in members)
            for name, members in self.archives.items()
            if name.endswith(ending)
        }

    def write(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        for name, members in self.archives.items():
            (self._wheel if name.endswith(".whl") else self._tar)(directory / name, members)
        for name, data in self.raw.items():
            (directory / name).write_bytes(data)
        files = sorted(path for path in directory.iterdir() if path.name != "SHA256SUMS")
        lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
        (directory / "SHA256SUMS").write_text("".join(lines))

    def _wheel(self, path, members):
        record = next((name for name in members if name.endswith("/RECORD")), None)
        if record:
            lines = []
            for name, text in members.items():
                digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
                lines.append(f"{name},,\n" if name == record else f"{name},sha256={digest},{len(text.encode())}\n")
            members = members | {record: self.records.get(path.name, "{}").replace("{}", "".join(lines))}
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
            if duplicate := self.duplicates.get(path.name):
                with pytest.warns(UserWarning, match="Duplicate name"):
                    archive.writestr(duplicate, members[duplicate])

    def _tar(self, path, members):
        with tarfile.open(path, "w:gz") as archive:
            for name, text in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
            if link := self.links.get(path.name):
                member = tarfile.TarInfo(link)
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(member)


def good(version="0.4.0", platforms=(LINUX,)):
    parsed = Version.parse(version)
    files, pep440 = Files(parsed), parsed.pep440
    for name, requires in (("demo", ()), ("demo-sqlite", (f"demo>={pep440},<0.5",))):
        escaped = name.replace("-", "_")
        root, info = f"{escaped}-{pep440}", f"{escaped}-{pep440}.dist-info"
        about = metadata(name, pep440, *requires)
        files.archives[f"{root}.tar.gz"] = {
            f"{root}/PKG-INFO": about,
            f"{root}/pyproject.toml": "",
            f"{root}/Cargo.lock": "version = 4\n",
            f"{root}/LICENSE": "MIT\n",
            f"{root}/README.md": "A demonstration.\n",
        }
        for platform in platforms:
            files.archives[f"{root}-cp310-abi3-{platform}.whl"] = {
                f"{escaped}/__init__.py": "",
                f"{escaped}/_native.abi3.so": LIBRARY + "/cargo/registry/src/x/csv/lib.rs",
                f"{info}/METADATA": about,
                f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp310-abi3-{platform}\n",
                f"{info}/licenses/LICENSE": "MIT\n",
                f"{info}/sboms/demo.cyclonedx.json": sbom(version),
                f"{info}/RECORD": "",
            }
    root = f"demo-sdk-{version}"
    files.archives[f"{root}.crate"] = {
        f"{root}/Cargo.toml": f'[package]\nname = "demo-sdk"\nversion = "{version}"\nlicense = "MIT"\n'
        'description = "For plugins."\n',
        f"{root}/.cargo_vcs_info.json": json.dumps({"git": {"sha1": COMMIT}, "path_in_vcs": "crates/demo-sdk"}),
        f"{root}/LICENSE": "MIT\n",
        f"{root}/README.md": "For plugins.\n",
        f"{root}/src/lib.rs": "",
    }
    return files


@pytest.fixture
def check(tmp_path):
    def run(files, policy=POLICY, platforms="host", host=HOST, rehearsed=False, **observations):
        files.write(tmp_path / "dist")
        observations = {"commit": COMMIT, "commit_files": files.tree(), "packaged": files.packaged()} | observations
        selection = PlatformSelection(platforms, host, rehearsed)
        return dists(tmp_path / "dist", Expectation(policy, files.version, platforms=selection, **observations))

    return run


@pytest.mark.parametrize("version", ["0.4.0", "0.4.0-rc.1"])
def test_correct_files_give_one_ok_each(check, version):
    files = good(version)
    findings = check(files)
    assert findings.status == "ok", findings
    assert sorted(finding.looked_at for finding in findings) == sorted(
        f"dist/{name}" for name in (*files.archives, "SHA256SUMS")
    )


def test_ok_has_the_checked_data(check):
    texts = {finding.looked_at.rpartition("/")[2]: finding.saw for finding in check(good())}
    for name, part in {WHEEL: "7 members", SDIST: "5 files", CRATE: "`c0ffee000000`", "SHA256SUMS": "5 files"}.items():
        assert part in texts[name]


PROMISED = replace(
    POLICY,
    project_urls=("Documentation", "Change log"),
    artifacts=(replace(POLICY.artifacts[0], third_party_notices=True), *POLICY.artifacts[1:]),
)
NOTICES, BUNDLED = "LICENSE-THIRD-PARTY.txt", "bundled.cyclonedx.json"
NOTICES_TEXT = "Third-party licences\n\n- serde 1.0.0: MIT OR Apache-2.0\n- SQLite 3.53.2, bundled\n"
SOURCE = f"2026-06-03 19:12:13 {'d6e0' * 16}"


def promised():
    """Return correct files of a policy that promises third-party notices and project URLs."""
    files = good()
    sqlite = {"name": "sqlite", "version": "3.53.2", "properties": [{"name": "sqlite:source-id", "value": SOURCE}]}
    bundled = json.dumps(json.loads(sbom("0.4.0")) | {"components": [sqlite]})
    for name in files.archives:
        for member in ("METADATA", "PKG-INFO"):
            for path in [path for path in files.archives[name] if path.endswith(f"/{member}")]:
                urls = "Project-URL: changelog, https://localhost/1\nProject-URL: Documentation, https://localhost/2\n"
                files.edit(name, path, "Requires-Python", f"{urls}Requires-Python")
    for name, member in ((WHEEL, METADATA), (SDIST, PKG_INFO)):
        files.edit(name, member, "License-File: LICENSE\n", f"License-File: LICENSE\nLicense-File: {NOTICES}\n")
    files.archives[SDIST] |= {f"demo-0.4.0/{NOTICES}": NOTICES_TEXT, f"demo-0.4.0/{BUNDLED}": bundled}
    files.archives[WHEEL] |= {
        f"{INFO}/licenses/{NOTICES}": NOTICES_TEXT,
        f"{INFO}/sboms/{BUNDLED}": bundled,
        LIBRARY_FILE: f"{LIBRARY}3.53.2\0{SOURCE}\0",
    }
    files.edit(CRATE, TOML, "[package]", '[package]\ndocumentation = "https://localhost/2"')
    return files


@pytest.fixture
def check_promised(check):
    def run(files, **observations):
        commit = good()
        generated = {name: promised().archives[SDIST][f"demo-0.4.0/{name}"].encode() for name in (NOTICES, BUNDLED)}
        for name in ("demo-0.4.0.tar.gz", "demo_sqlite-0.4.0.tar.gz"):
            commit.archives[name] = {
                path: text for path, text in files.archives[name].items() if path.rpartition("/")[2] not in generated
            }
        return check(
            files, PROMISED, **{"commit_files": commit.tree(), "generated": {"demo": generated}} | observations
        )

    return run


def edit(archive, member, old, new):
    return lambda files: files.edit(archive, member, old, new)


def drop(archive, member):
    return lambda files: files.archives[archive].pop(member)


def add(archive, member, text="x\n"):
    return lambda files: files.archives[archive].update({member: text})


def remove(archive):
    return lambda files: files.archives.pop(archive)


def raw(name, size=1):
    return lambda files: files.raw.update({name: b"x" * size})


def record(text):
    return lambda files: files.records.update({WHEEL: text})


def both(*changes):
    def change(files):
        for apply in changes:
            apply(files)

    return change


EMPTY = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
METADATA, PKG_INFO, VCS = f"{INFO}/METADATA", "demo-0.4.0/PKG-INFO", "demo-sdk-0.4.0/.cargo_vcs_info.json"
SBOM, TOML = f"{INFO}/sboms/demo.cyclonedx.json", "demo-sdk-0.4.0/Cargo.toml"
PLUGIN_METADATA, REQUIREMENT = "demo_sqlite-0.4.0.dist-info/METADATA", "demo>=0.4.0,<0.5"
COMPONENTS = '[{"name": "serde", "version": "1.0.0", "purl": "pkg:cargo/serde@1.0.0"}]'
LIBRARY_FILE, OTHER_LIBRARY = "demo/_native.abi3.so", "demo/_other.cpython-312-x86_64-linux-gnu.so"
ATTESTATION = f"{WHEEL}.publish.attestation"
OTHER_WHEELS = {
    name: f"{name}-{LINUX}.whl"
    for name in ("other-0.4.0-cp310-abi3", "demo-0.3.0-cp310-abi3", "demo-0.4.0-cp312-cp312", "Demo-0.4.0-cp310-abi3")
}
OTHER_PLATFORM = f"demo-0.4.0-cp310-abi3-{MAC}.whl"

#: A change, the file of the one finding that it causes, and a part of the finding.
DEFECTS = {
    "missing sdist": (remove(SDIST), SDIST, ""),
    "missing crate": (remove(CRATE), CRATE, ""),
    "missing wheel": (remove(WHEEL), "demo-0.4.0-cp310-abi3-*.whl", "linux x86_64"),
    "extra file": (raw("notes.txt"), "notes.txt", ""),
    "attestation": (raw(ATTESTATION), ATTESTATION, ""),
    **{f"wheel {name}": (raw(file), file, "") for name, file in OTHER_WHEELS.items()},
    "sdist with another spelling": (raw("demo-sqlite-0.4.0.tar.gz"), "demo-sqlite-0.4.0.tar.gz", ""),
    "invalid name of a wheel": (raw("demo.whl"), "demo.whl", ""),
    "wheel of another platform": (raw(OTHER_PLATFORM), OTHER_PLATFORM, ""),
    "METADATA: version": (edit(WHEEL, METADATA, "Version: 0.4.0", "Version: 0.4.1"), WHEEL, "`0.4.1`"),
    "METADATA: name": (edit(WHEEL, METADATA, "Name: demo", "Name: other"), WHEEL, "`other`"),
    "METADATA: Python": (edit(WHEEL, METADATA, "Requires-Python: >=3.10\n", ""), WHEEL, "Requires-Python"),
    "METADATA: Python above the tag": (edit(WHEEL, METADATA, ">=3.10", ">=3.11"), WHEEL, "`>=3.11`"),
    "METADATA: Python below the tag": (edit(WHEEL, METADATA, ">=3.10", ">=3.9"), WHEEL, "`>=3.9`"),
    "METADATA: licence": (edit(WHEEL, METADATA, "License-Expression: MIT\n", ""), WHEEL, "License-Expression"),
    "METADATA: licence file": (edit(WHEEL, METADATA, "License-File: LICENSE\n", ""), WHEEL, "License-File"),
    "missing licence file": (drop(WHEEL, f"{INFO}/licenses/LICENSE"), WHEEL, f"`{INFO}/licenses/LICENSE`"),
    "METADATA: placeholder": (edit(WHEEL, METADATA, "github.com/harvard-lil", "www.example.org"), WHEEL, "example.org"),
    "old requirement": (edit(PLUGIN, PLUGIN_METADATA, REQUIREMENT, "demo>=0.3.0,<0.4"), PLUGIN, "`demo>=0.3.0,<0.4`"),
    "requirement without a bound": (edit(PLUGIN, PLUGIN_METADATA, REQUIREMENT, "demo<0.5"), PLUGIN, "`demo<0.5`"),
    "WHEEL: tag": (edit(WHEEL, f"{INFO}/WHEEL", "cp310-abi3", "cp311-abi3"), WHEEL, f"`cp311-abi3-{LINUX}`"),
    "RECORD: missing file": (record("{}gone.py,sha256=x,1\n"), WHEEL, "`gone.py`"),
    "duplicate member": (
        lambda files: files.duplicates.update({WHEEL: "demo/__init__.py"}),
        WHEEL,
        "`demo/__init__.py`",
    ),
    "wheel with ..": (add(WHEEL, "../evil.py"), WHEEL, "`../evil.py`"),
    "source in a wheel": (add(WHEEL, "demo/src/lib.rs"), WHEEL, "`demo/src/lib.rs`"),
    "no library": (both(drop(WHEEL, LIBRARY_FILE), add(WHEEL, "demo/data.bin", LIBRARY)), WHEEL, ""),
    "library for one Python": (add(WHEEL, OTHER_LIBRARY, LIBRARY), WHEEL, "`cpython-312`"),
    "library with a path": (
        add(WHEEL, LIBRARY_FILE, f"{LIBRARY}/home/rosa/.cargo/registry/src/x/csv/lib.rs"),
        WHEEL,
        "`/home/rosa/.cargo/registry/src/`",
    ),
    "library with a path of Windows": (
        add(WHEEL, LIBRARY_FILE, f"{LIBRARY}C:\\rosa\\.cargo\\registry\\src\\x"),
        WHEEL,
        "`C:\\rosa\\.cargo\\registry\\src\\`",
    ),
    "no SBOM": (drop(WHEEL, SBOM), WHEEL, f"`{INFO}/sboms/`"),
    "SBOM: not JSON": (add(WHEEL, SBOM, "{"), WHEEL, "`demo.cyclonedx.json`"),
    "SBOM: other format": (add(WHEEL, SBOM, "[]"), WHEEL, "CycloneDX"),
    "SBOM: no component": (edit(WHEEL, SBOM, COMPONENTS, "[]"), WHEEL, "`demo.cyclonedx.json`"),
    "SBOM: version": (add(WHEEL, SBOM, sbom("0.3.0")), WHEEL, "`0.3.0`"),
    "SBOM: path": (add(WHEEL, SBOM, sbom("0.4.0", "file:///made/demo")), WHEEL, "`path+file:///made/demo/python/demo"),
    "wheel that is not a zip archive": (both(remove(WHEEL), raw(WHEEL, 2000)), WHEEL, ""),
    "sdist that is not a tar archive": (both(remove(SDIST), raw(SDIST, 2000)), SDIST, ""),
    **{
        f"sdist without {name}": (drop(SDIST, f"demo-0.4.0/{name}"), SDIST, f"`{name.removesuffix('.md')}`")
        for name in ("PKG-INFO", "pyproject.toml", "Cargo.lock", "README.md")
    },
    "PKG-INFO: version": (edit(SDIST, PKG_INFO, "Version: 0.4.0", "Version: 0.4.1"), SDIST, "`0.4.1`"),
    **{
        f"sdist with {name}": (add(SDIST, name), SDIST, f"`{name}`")
        for name in ("/etc/evil", "demo-0.4.0/../../evil", "other/file")
    },
    "sdist with a link": (lambda files: files.links.update({SDIST: "demo-0.4.0/link"}), SDIST, "`demo-0.4.0/link`"),
    "crate without a commit file": (drop(CRATE, VCS), CRATE, "`.cargo_vcs_info.json`"),
    "crate without a commit": (add(CRATE, VCS, "{}"), CRATE, "`.cargo_vcs_info.json`"),
    "crate of another commit": (edit(CRATE, VCS, COMMIT, "decade" + "0" * 34), CRATE, "`decade000000`"),
    "crate of uncommitted changes": (edit(CRATE, VCS, f'"{COMMIT}"', f'"{COMMIT}", "dirty": true'), CRATE, ""),
    "Cargo.toml: version": (edit(CRATE, TOML, "0.4.0", "0.3.0"), CRATE, "`0.3.0`"),
    "Cargo.toml: name": (edit(CRATE, TOML, "demo-sdk", "other"), CRATE, "`other`"),
    "Cargo.toml: no licence": (edit(CRATE, TOML, 'license = "MIT"\n', ""), CRATE, "`license`"),
    "Cargo.toml: no description": (edit(CRATE, TOML, "For plugins.", " "), CRATE, "`description`"),
    "Cargo.toml: unknown licence": (edit(CRATE, TOML, '"MIT"', '"Mine"'), CRATE, "`Mine`"),
    **{
        f"Cargo.toml: {line}": (edit(CRATE, TOML, "[package]", f"[package]\n{line}"), CRATE, part)
        for line, part in {
            'keywords = ["a", "b", "c", "d", "e", "f"]': "6 keywords",
            'categories = ["a", "b", "c", "d", "e", "f"]': "6 categories",
            'keywords = ["model-context-protocol"]': "`model-context-protocol`",
            'keywords = ["two words"]': "`two words`",
            'homepage = "www.example.org"': "`www.example.org`",
            'repository = "git://host/x"': "`git://host/x`",
            'documentation = "https://"': "`https://`",
            'homepage = "http://[x"': "`http://[x`",
        }.items()
    },
    "crate without a manifest": (drop(CRATE, TOML), CRATE, "`Cargo.toml`"),
    "Cargo.toml: invalid": (edit(CRATE, TOML, "[package]", "[package"), CRATE, "Cargo.toml"),
    "crate without its licence file": (drop(CRATE, "demo-sdk-0.4.0/LICENSE"), CRATE, "`LICENSE`"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_one_finding(check, defect):
    change, name, part = DEFECTS[defect]
    files = good()
    change(files)
    (finding,) = check(files).having("failed", "unknown", "warning")
    assert (finding.check, finding.status, finding.looked_at) == ("dists", "failed", f"dist/{name}")
    assert part in finding.saw
    assert finding.remedy


#: Changes of files that fulfil the promises of `PROMISED`.
BROKEN_PROMISES = {
    "no notices in the sdist": (
        both(drop(SDIST, f"demo-0.4.0/{NOTICES}"), edit(SDIST, PKG_INFO, f"License-File: {NOTICES}\n", "")),
        {SDIST: [f"`{NOTICES}`", f"`{NOTICES}`"]},
    ),
    "other notices in the sdist": (edit(SDIST, f"demo-0.4.0/{NOTICES}", "MIT OR ", ""), {SDIST: [f"`{NOTICES}`"]}),
    "no SBOM in the sdist": (drop(SDIST, f"demo-0.4.0/{BUNDLED}"), {SDIST: [f"`{BUNDLED}`"]}),
    "no notices in the wheel": (
        both(drop(WHEEL, f"{INFO}/licenses/{NOTICES}"), edit(WHEEL, METADATA, f"License-File: {NOTICES}\n", "")),
        {WHEEL: [f"`{NOTICES}`"]},
    ),
    "crate without a notice": (
        edit(WHEEL, f"{INFO}/licenses/{NOTICES}", "serde 1.0.0", "serde 1.0.1"),
        {WHEEL: ["`serde` 1.0.0"]},
    ),
    "no SQLite in the SBOM": (edit(WHEEL, f"{INFO}/sboms/{BUNDLED}", '"sqlite"', '"other"'), {WHEEL: ["2026-06-03"]}),
    "SQLite of another version": (
        edit(WHEEL, f"{INFO}/sboms/{BUNDLED}", '"3.53.2"', '"3.53.3"'),
        {WHEEL: ["SQLite 3.53.3"]},
    ),
    "no SQLite in the library": (edit(WHEEL, LIBRARY_FILE, SOURCE, "none"), {WHEEL: ["SQLite 3.53.2"]}),
    "no URL in the wheel": (edit(WHEEL, METADATA, "changelog", "changes"), {WHEEL: ["`Change log`"]}),
    "no URL in the crate": (edit(CRATE, TOML, "documentation", "homepage"), {CRATE: ["`documentation`"]}),
}


def test_promised_files_are_ok(check_promised):
    findings = check_promised(promised())
    assert findings.status == "ok", findings
    (saw,) = [finding.saw for finding in findings if finding.looked_at == f"dist/{WHEEL}"]
    assert "SQLite 3.53.2" in saw


@pytest.mark.parametrize("promise", BROKEN_PROMISES)
def test_broken_promise_is_refused(check_promised, promise):
    change, parts = BROKEN_PROMISES[promise]
    files = promised()
    change(files)
    ((name, texts),) = parts.items()
    findings = check_promised(files).having("failed", "unknown", "warning")
    assert [(finding.status, finding.looked_at) for finding in findings] == [("failed", f"dist/{name}")] * len(texts)
    assert all(text in finding.saw for text, finding in zip(texts, findings, strict=True))


def test_notices_that_cannot_be_generated_again_are_unknown(check_promised):
    (finding,) = check_promised(promised(), generated={"demo": "no cargo"}).having("failed", "unknown")
    assert (finding.status, finding.looked_at) == ("unknown", f"dist/{SDIST}")
    assert finding.saw.endswith(": no cargo")


TWINE, CONTENTS = "twine check --strict", "check-wheel-contents --no-config"

#: A change that only a standard tool detects, that tool, and a part of its output.
DEFECTS_FOR_TOOLS = {
    "invalid METADATA": (edit(WHEEL, METADATA, "MIT", "Mine"), TWINE, "'Mine' is invalid for"),
    "METADATA with an unknown field": (edit(WHEEL, METADATA, "Summary", "Sumary"), TWINE, "malformed field 'sumary'"),
    "invalid PKG-INFO": (edit(SDIST, PKG_INFO, "MIT", "Mine"), TWINE, "'Mine' is invalid for"),
    "no METADATA": (drop(WHEEL, METADATA), TWINE, "No METADATA in archive"),
    "no WHEEL": (drop(WHEEL, f"{INFO}/WHEEL"), CONTENTS, "No WHEEL file"),
    "no RECORD": (drop(WHEEL, f"{INFO}/RECORD"), CONTENTS, "No RECORD file"),
    "no dist-info": (
        lambda files: files.archives.update(
            {WHEEL: {name.replace(INFO, "demo"): text for name, text in files.archives[WHEEL].items()}}
        ),
        CONTENTS,
        "dist-info",
    ),
    "second dist-info": (add(WHEEL, "other-0.4.0.dist-info/METADATA"), CONTENTS, "dist-info"),
    "RECORD with a duplicate": (record(f"{{}}demo/__init__.py,sha256={EMPTY},0\n"), CONTENTS, "demo/__init__.py"),
    "RECORD with a short line": (record("{}demo\n"), CONTENTS, "Invalid RECORD entry: ['demo']"),
}


@dataclass
class Only:
    """Runner of one of the tools, because the others cannot read the libraries, which are text."""

    processes: Processes
    tool: str

    def run(self, command, *, timeout=None):
        if " ".join(command).startswith(self.tool):
            return self.processes.run(command, timeout=timeout)
        return ProcessResult(tuple(command), 127, "", "skipped")


def failures(directory, tool):
    names = [path.name for path in directory.glob("demo-0.4.0*")]
    with temporary_home(Processes(directory)) as processes:
        return run_tools(names, Only(processes, tool)).having("failed")


@pytest.mark.parametrize("tool", [TWINE, CONTENTS])
def test_tools_report_no_problem_in_correct_files(tmp_path, tool):
    good().write(tmp_path)
    assert not failures(tmp_path, tool)


@pytest.mark.parametrize("defect", DEFECTS_FOR_TOOLS)
def test_defect_for_a_tool_is_failed(tmp_path, defect):
    change, tool, part = DEFECTS_FOR_TOOLS[defect]
    files = good()
    change(files)
    files.write(tmp_path)
    (finding,) = failures(tmp_path, tool)
    assert finding.saw.startswith(f"`{tool}`: ")
    assert part in finding.saw


def test_sdist_without_its_licence_has_two_defects(check):
    files = good()
    del files.archives[SDIST]["demo-0.4.0/LICENSE"]
    missing, named = check(files).having("failed")
    assert "`LICENSE`" in missing.saw
    assert "`demo-0.4.0/LICENSE`" in named.saw


def test_wrong_checksums_are_refused(check, tmp_path):
    files = good()
    check(files)
    path = tmp_path / "dist/SHA256SUMS"
    complete = path.read_text()

    def failure():
        selection = PlatformSelection("host", HOST)
        expectation = Expectation(POLICY, files.version, COMMIT, files.tree(), files.packaged(), selection)
        (finding,) = dists(tmp_path / "dist", expectation).having("failed")
        assert finding.looked_at == "dist/SHA256SUMS"
        return finding

    first, *rest = complete.splitlines(keepends=True)
    name = first.split()[1]
    for text, part in (
        ("0" * 64 + first[64:] + "".join(rest), f"`{name}`"),
        ("".join(rest), f"`{name}`"),
        (complete + "0" * 64 + "  gone.whl\n", "`gone.whl`"),
        (complete + first, f"`{name}`"),
        (complete + "rubbish\n", "line 6"),
    ):
        path.write_text(text)
        assert part in failure().saw
    path.unlink()
    assert failure().remedy == "just sums"


def test_checksums_are_parsed_in_the_format_of_sha256sum():
    assert parse_checksums(f"{'a' * 64}  one\n{'b' * 64} *two words\n") == {"one": "a" * 64, "two words": "b" * 64}
    with pytest.raises(ValueError, match="line 2"):
        parse_checksums(f"{'a' * 64}  one\n<html>\n")


def test_record_that_differs_from_its_archive_is_refused_for_each_file(check):
    files = good()
    files.records[WHEEL] = f"demo/__init__.py,sha256=x,1\n{INFO}/RECORD,,\n"
    findings = check(files).having("failed")
    assert ["`demo/__init__.py`" in finding.saw for finding in findings[:3]] == [True, True, False]
    assert any(f"`{METADATA}`" in finding.saw for finding in findings)
    assert len(findings) == 7


def test_too_small_wheel_is_refused(check):
    files = good()
    files.archives.pop(WHEEL)
    files.raw[WHEEL] = b"PK\x05\x06" + b"\0" * 18
    finding = check(files).having("failed")[0]
    assert finding.looked_at == f"dist/{WHEEL}"
    assert "22 bytes" in finding.saw
    assert "1000 bytes to 95.4 MiB" in finding.saw


def test_wheels_of_all_platforms_are_ok(check):
    assert check(good(platforms=PLATFORMS), platforms="all").status == "ok"


def places(findings):
    return [(finding.status, finding.looked_at) for finding in findings.having("failed", "unknown", "warning")]


def test_distribution_without_wheels_needs_no_lock_file_and_a_wheel_of_it_is_refused(check):
    artifacts = tuple(
        replace(artifact, wheels=None, platforms=()) if artifact.name == "demo" else artifact
        for artifact in POLICY.artifacts
    )
    files = good()
    del files.archives[SDIST]["demo-0.4.0/Cargo.lock"]
    wheel = files.archives.pop(WHEEL)
    policy = replace(POLICY, artifacts=artifacts)
    assert check(files, policy).status == "ok"
    files.archives["demo-0.4.0-py3-none-any.whl"] = wheel
    (finding,) = check(files, policy).having("failed")
    assert finding.looked_at == "dist/demo-0.4.0-py3-none-any.whl"
    assert "`wheels`" in finding.saw
    files.archives[SDIST]["demo-0.4.0/Cargo.toml"] = ""
    assert ["Cargo.lock" in finding.saw for finding in check(files, policy).having("failed")].count(True) == 1


#: Places of the wheels for another platform.
OTHER_WHEEL_FILES = [f"dist/{name}-0.4.0-cp310-abi3-{MAC}.whl" for name in ("demo", "demo_sqlite")]


def test_missing_wheel_of_a_platform_is_refused(check):
    findings = check(good(platforms=(LINUX,)), platforms="all")
    assert places(findings) == [("failed", file) for file in OTHER_WHEEL_FILES]
    assert findings.having("failed")[0].remedy.startswith(f"just wheels {MAC}")


def test_missing_wheel_of_another_host_is_a_warning_in_a_rehearsal(check):
    findings = check(good(platforms=(LINUX,)), platforms="all", rehearsed=True)
    assert places(findings) == [("warning", file) for file in OTHER_WHEEL_FILES]


def test_missing_wheel_of_the_host_is_refused_in_a_rehearsal(check):
    findings = check(good(platforms=(MAC,)), platforms="all", rehearsed=True)
    assert places(findings) == [("failed", file.replace(MAC, LINUX)) for file in OTHER_WHEEL_FILES]


def test_one_of_several_wheels_for_this_host_is_enough(check):
    older = "manylinux_2_5_x86_64"
    policy = replace(
        POLICY,
        artifacts=tuple(
            replace(artifact, platforms=(older, *artifact.platforms) if artifact.wheels else ())
            for artifact in POLICY.artifacts
        ),
    )
    assert check(good(platforms=(LINUX,)), policy).status == "ok"
    assert check(good(platforms=(LINUX, older)), policy).status == "ok"


def test_host_that_can_install_no_wheel_of_the_policy_is_unknown(check):
    findings = check(good(platforms=()), host=HostPlatform("linux", "vax", frozenset({"linux_vax"})))
    assert places(findings) == [("unknown", file.replace(MAC, "*")) for file in OTHER_WHEEL_FILES]


def test_wheels_of_one_platform_are_ok(check):
    assert check(good(platforms=(MAC,)), platforms=MAC).status == "ok"


def test_wheels_of_another_than_the_given_platform_are_refused(check):
    missing = OTHER_WHEEL_FILES
    unexpected = [file.replace(MAC, LINUX) for file in missing]
    findings = check(good(platforms=(LINUX,)), platforms=MAC)
    assert sorted(places(findings)) == sorted(("failed", file) for file in (*missing, *unexpected))


def test_unknown_platform_is_refused_with_the_known_ones(check):
    (finding,) = check(good(), platforms="win_arm64")
    assert (finding.status, finding.looked_at) == ("failed", "--platforms win_arm64")
    assert finding.remedy == f"--platforms host|all|{LINUX}|{MAC}"


def test_file_of_an_sdist_that_is_not_in_the_commit_is_refused(check):
    files = good()
    tree, packaged = files.tree(), files.packaged()
    files.archives[SDIST]["demo-0.4.0/build.rs"] = "fn main() {}\n"
    findings = check(files, commit_files=tree, packaged=packaged)
    assert places(findings) == [("failed", f"dist/{SDIST}")]
    assert "`build.rs`" in findings.having("failed")[0].saw


def test_changed_file_of_an_sdist_is_refused(check):
    files = good()
    tree = files.tree()
    files.edit(SDIST, "demo-0.4.0/README.md", "demonstration", "decoy")
    (finding,) = check(files, commit_files=tree).having("failed", "unknown")
    assert "`README.md`" in finding.saw


MOVED = "[project]\nname = 'demo'\n[tool.maturin]\n"


@pytest.mark.parametrize(
    ("path", "committed", "written", "same"),
    [
        ("pyproject.toml", MOVED, MOVED + "manifest-path = 'python/demo/Cargo.toml'\npython-source = 'lib'\n", True),
        ("pyproject.toml", MOVED, MOVED + "include = ['evil']\n", False),
        ("Cargo.toml", "[workspace]\nmembers = ['a', 'b']\n", "[workspace]\nmembers = ['a']\n", True),
        ("Cargo.toml", "[package]\nname = 'a'\n", "[package]\nname = 'a'\nreadme = 'README.md'\n", True),
        ("Cargo.toml", "[package]\nname = 'a'\n", "[package]\nname = 'a'\nbuild = 'evil.rs'\n", False),
        ("Cargo.toml", "[package]\nname = 'a'\n", "[package", False),
        ("Cargo.lock", "version = 4\n", "version = 4\n\n", False),
    ],
)
def test_manifest_may_differ_from_the_commit_only_in_keys_that_maturin_rewrites(check, path, committed, written, same):
    files = good()
    files.archives[SDIST][f"demo-0.4.0/{path}"] = committed
    tree = files.tree()
    files.archives[SDIST][f"demo-0.4.0/{path}"] = written
    findings = check(files, commit_files=tree)
    assert places(findings) == ([] if same else [("failed", f"dist/{SDIST}")])


def test_crate_has_exactly_the_files_that_cargo_packages(check):
    files = good()
    packaged = files.packaged()
    files.archives[CRATE]["demo-sdk-0.4.0/build.rs"] = files.archives[CRATE].pop("demo-sdk-0.4.0/src/lib.rs")
    unexpected, missing = check(files, packaged=packaged).having("failed")
    assert "`build.rs`" in unexpected.saw
    assert "`src/lib.rs`" in missing.saw


def test_unreadable_commit_is_unknown_with_the_reason(check):
    findings = check(good(), commit_files="no such commit", packaged={"demo-sdk": "no such crate"}).having(
        "failed", "unknown"
    )
    assert {(finding.status, finding.looked_at, finding.saw.rpartition(": ")[2]) for finding in findings} == {
        ("unknown", f"dist/{SDIST}", "no such commit"),
        ("unknown", "dist/demo_sqlite-0.4.0.tar.gz", "no such commit"),
        ("unknown", f"dist/{CRATE}", "no such crate"),
    }


@pytest.mark.parametrize("length", [40, 64])
def test_object_name_is_that_of_git(length, git, tmp_path):
    kind = {40: "sha1", 64: "sha256"}[length]
    git("init", "--quiet", f"--object-format={kind}", str(tmp_path / kind))
    (tmp_path / "file").write_bytes(b"a\r\n\0")
    assert object_name(b"a\r\n\0", length) == git("hash-object", str(tmp_path / "file"), cwd=tmp_path / kind)


@pytest.mark.parametrize(
    "order", ["manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux2014_x86_64.manylinux_2_17_x86_64"]
)
def test_wheel_with_old_and_new_name_of_a_platform_is_ok(check, order):
    files = good()
    name = f"demo-0.4.0-cp310-abi3-{order}.whl"
    files.rename(WHEEL, name)
    files.edit(name, f"{INFO}/WHEEL", LINUX, f"{LINUX}\nTag: cp310-abi3-manylinux2014_x86_64")
    assert check(files).status == "ok"
    linux = [replace(artifact, platforms=(LINUX,) if artifact.wheels else ()) for artifact in POLICY.artifacts]
    assert check(files, replace(POLICY, artifacts=tuple(linux)), platforms="all").status == "ok"


@pytest.mark.parametrize(
    ("host", "tag", "builds"),
    [
        (("linux", "x86_64"), "manylinux_2_34_x86_64", True),
        (("linux", "x86_64"), "musllinux_1_2_x86_64", True),
        (("linux", "x86_64"), "manylinux_2_34_aarch64", False),
        (("linux", "x86_64"), "macosx_10_12_x86_64", False),
        (("linux", "x86_64"), "win_amd64", False),
        (("macosx", "arm64"), "macosx_11_0_arm64", True),
        (("macosx", "arm64"), "macosx_10_12_x86_64", False),
        (("win", "amd64"), "win_amd64", True),
        (("win", "amd64"), "win_arm64", True),
        (("win", "arm64"), "win_amd64", False),
        (("win", "32"), "win32", True),
        (("any", ""), "manylinux_x86_64", False),
    ],
)
def test_host_builds_wheels_of_its_system_and_machine(host, tag, builds):
    assert HostPlatform(*host, frozenset()).builds(tag) is builds


def test_this_host_installs_its_own_wheels():
    host = host_platform()
    assert all(host.installs(tag) for tag in host.tags)
    assert any(host.builds(tag) for tag in host.tags)
    assert not host.installs("manylinux_2_17_vax")


@pytest.mark.parametrize(("kind", "answer"), [(2, False), (11, True)])
@pytest.mark.parametrize(("order", "wide"), [("<", True), ("<", False), (">", True), (">", False)])
def test_symbol_table_of_a_library_is_detected(kind, answer, order, wide):
    size = 64 if wide else 52
    head = bytearray(size)
    head[:6] = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2])
    struct.pack_into(f"{order}{'Q' if wide else 'I'}", head, 0x28 if wide else 0x20, size)
    struct.pack_into(f"{order}HH", head, 0x3A if wide else 0x2E, 40, 2)
    sections = struct.pack(f"{order}II32x", 0, 0) + struct.pack(f"{order}II32x", 0, kind)
    assert is_stripped(bytes(head) + sections) is answer
    assert is_stripped(bytes(head)) is None
    assert is_stripped(b"MZ" + sections) is None


def test_library_of_a_debug_build_is_refused(check):
    files = good()
    head = "\x7fELF\x02\x01" + "\0" * 34 + "\x40" + "\0" * 17 + "\x28\0\x01\0\0\0"
    files.archives[WHEEL]["demo/_native.abi3.so"] = head[:64] + "\0\0\0\0\x02\0\0\0" + "library " * 200
    (finding,) = check(files).having("failed")
    assert "`demo/_native.abi3.so`" in finding.saw
    assert finding.remedy.startswith("write `strip = true` under `[tool.maturin]`")


def test_crate_without_a_released_commit_is_refused(check):
    (finding,) = check(good(), commit=None).having("failed")
    assert (finding.looked_at, finding.remedy) == (f"dist/{CRATE}", "git fetch --tags")


def test_missing_directory_is_refused(tmp_path):
    (finding,) = dists(tmp_path / "dist", Expectation(POLICY, Version.parse("0.4.0"), COMMIT))
    assert (finding.status, finding.looked_at, finding.remedy) == ("failed", "dist", "just dist")


def test_dists_without_a_policy_are_unknown(tmp_path):
    (finding,) = dists(tmp_path, Expectation(Policy(), Version.parse("0.4.0"), COMMIT))
    assert finding.status == "unknown"
