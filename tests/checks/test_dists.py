"""Whether what was built is what was promised: one good set, and for each rule the one change that breaks it."""

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
        *(f"Requires-Dist: {each}" for each in requires),
        "License-Expression: MIT",
        "License-File: LICENSE",
        "Requires-Python: >=3.10",
        "Description-Content-Type: text/markdown",
        "Project-URL: Repository, https://github.com/harvard-lil/binoc",
    ]
    return "\n".join(lines) + "\n\nMore about it.\n"


def sbom(version, at="file://."):
    reference = f"path+{at}/python/demo#{version}"
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "metadata": {"component": {"bom-ref": reference, "name": "demo", "version": version}},
            "components": [{"name": "serde", "version": "1.0.0", "purl": "pkg:cargo/serde@1.0.0"}],
        }
    )


@dataclass
class Set:
    """The files of a release before they are written: for each archive its members, and what is odd about it."""

    version: Version
    archives: dict[str, dict[str, str]] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    twice: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)

    def rename(self, old, new):
        self.archives[new] = self.archives.pop(old)

    def edit(self, archive, member, old, new):
        text = self.archives[archive][member]
        assert text.count(old) == 1, f"{member} holds {old!r} {text.count(old)} times"
        self.archives[archive][member] = text.replace(old, new)

    def tree(self):
        """A commit from which exactly these sdists come."""
        texts = {}
        for archive, members in self.archives.items():
            root, found, _ = archive.partition(".tar.gz")
            artifact = root.rpartition("-")[0].replace("_", "-")
            for member, text in members.items() if found else ():
                texts[f"python/{artifact}/{member.removeprefix(f'{root}/')}"] = text
        return CommitFiles({path: object_name(text.encode(), 40) for path, text in texts.items()}, texts)

    def packaged(self):
        """What cargo would say of a commit from which exactly these crates come."""
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
            if twice := self.twice.get(path.name):
                with pytest.warns(UserWarning, match="Duplicate name"):
                    archive.writestr(twice, members[twice])

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
    made, pep440 = Set(parsed), parsed.pep440
    for name, requires in (("demo", ()), ("demo-sqlite", (f"demo>={pep440},<0.5",))):
        escaped = name.replace("-", "_")
        root, info = f"{escaped}-{pep440}", f"{escaped}-{pep440}.dist-info"
        about = metadata(name, pep440, *requires)
        made.archives[f"{root}.tar.gz"] = {
            f"{root}/PKG-INFO": about,
            f"{root}/pyproject.toml": "",
            f"{root}/Cargo.lock": "version = 4\n",
            f"{root}/LICENSE": "MIT\n",
            f"{root}/README.md": "A demonstration.\n",
        }
        for platform in platforms:
            made.archives[f"{root}-cp310-abi3-{platform}.whl"] = {
                f"{escaped}/__init__.py": "",
                f"{escaped}/_native.abi3.so": LIBRARY + "/cargo/registry/src/x/csv/lib.rs",
                f"{info}/METADATA": about,
                f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp310-abi3-{platform}\n",
                f"{info}/licenses/LICENSE": "MIT\n",
                f"{info}/sboms/demo.cyclonedx.json": sbom(version),
                f"{info}/RECORD": "",
            }
    root = f"demo-sdk-{version}"
    made.archives[f"{root}.crate"] = {
        f"{root}/Cargo.toml": f'[package]\nname = "demo-sdk"\nversion = "{version}"\nlicense = "MIT"\n'
        'description = "For plugins."\n',
        f"{root}/.cargo_vcs_info.json": json.dumps({"git": {"sha1": COMMIT}, "path_in_vcs": "crates/demo-sdk"}),
        f"{root}/LICENSE": "MIT\n",
        f"{root}/README.md": "For plugins.\n",
        f"{root}/src/lib.rs": "",
    }
    return made


@pytest.fixture
def ask(tmp_path):
    def run(made, policy=POLICY, platforms="host", host=HOST, rehearsed=False, **known):
        made.write(tmp_path / "dist")
        known = {"commit": COMMIT, "commit_files": made.tree(), "packaged": made.packaged()} | known
        selection = PlatformSelection(platforms, host, rehearsed)
        return dists(tmp_path / "dist", Expectation(policy, made.version, platforms=selection, **known))

    return run


@pytest.mark.parametrize("version", ["0.4.0", "0.4.0-rc.1"])
def test_a_good_set_gives_one_ok_for_each_file(ask, version):
    made = good(version)
    findings = ask(made)
    assert findings.status == "ok", findings
    assert sorted(each.looked_at for each in findings) == sorted(
        f"dist/{name}" for name in (*made.archives, "SHA256SUMS")
    )


def test_the_ok_of_a_file_says_what_was_seen_in_it(ask):
    saw = {each.looked_at.rpartition("/")[2]: each.saw for each in ask(good())}
    assert saw[WHEEL].endswith("7 members as in RECORD, 1 component in its SBOM")
    assert saw[SDIST].endswith("5 files, as in the commit")
    assert "made from commit `c0ffee000000`" in saw[CRATE]
    assert saw["SHA256SUMS"] == "agrees with all 5 files"


def edit(archive, member, old, new):
    return lambda made: made.edit(archive, member, old, new)


def drop(archive, member):
    return lambda made: made.archives[archive].pop(member)


def add(archive, member, text="x\n"):
    return lambda made: made.archives[archive].update({member: text})


def both(*changes):
    def change(made):
        for each in changes:
            each(made)

    return change


EMPTY = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
METADATA, PKG_INFO, VCS = f"{INFO}/METADATA", "demo-0.4.0/PKG-INFO", "demo-sdk-0.4.0/.cargo_vcs_info.json"
SBOM, TOML = f"{INFO}/sboms/demo.cyclonedx.json", "demo-sdk-0.4.0/Cargo.toml"

#: A change, the file that is named, what was seen there.
BROKEN = {
    "missing sdist": (lambda made: made.archives.pop(SDIST), SDIST, "is missing"),
    "missing crate": (lambda made: made.archives.pop(CRATE), CRATE, "is missing"),
    "missing wheel": (
        lambda made: made.archives.pop(WHEEL),
        "demo-0.4.0-cp310-abi3-*.whl",
        "the wheel for this host, linux x86_64, is missing",
    ),
    "an extra file": (
        lambda made: made.raw.update({"notes.txt": b"x"}),
        "notes.txt",
        "is none of the files that the policy expects",
    ),
    "a left-over attestation": (
        lambda made: made.raw.update({f"{WHEEL}.publish.attestation": b"{}"}),
        f"{WHEEL}.publish.attestation",
        "is none of the files that the policy expects",
    ),
    "an extra distribution": (
        lambda made: made.raw.update({f"other-0.4.0-cp310-abi3-{LINUX}.whl": b"x"}),
        f"other-0.4.0-cp310-abi3-{LINUX}.whl",
        "is a wheel of `other`, which the policy does not declare",
    ),
    "an older wheel": (
        lambda made: made.raw.update({f"demo-0.3.0-cp310-abi3-{LINUX}.whl": b"x"}),
        f"demo-0.3.0-cp310-abi3-{LINUX}.whl",
        "is a wheel of version `0.3.0`, and `0.4.0` is to be released",
    ),
    "another abi": (
        lambda made: made.raw.update({f"demo-0.4.0-cp312-cp312-{LINUX}.whl": b"x"}),
        f"demo-0.4.0-cp312-cp312-{LINUX}.whl",
        "has the tags `cp312-cp312`, and the policy promises `cp310-abi3`",
    ),
    "a name that is not normalised": (
        lambda made: made.raw.update({f"Demo-0.4.0-cp310-abi3-{LINUX}.whl": b"x"}),
        f"Demo-0.4.0-cp310-abi3-{LINUX}.whl",
        "begins with another spelling of the name than `demo`, the one of PEP 427",
    ),
    "an sdist that is not normalised": (
        lambda made: made.raw.update({"demo-sqlite-0.4.0.tar.gz": b"x"}),
        "demo-sqlite-0.4.0.tar.gz",
        "is none of the files that the policy expects",
    ),
    "no wheel's name": (
        lambda made: made.raw.update({"demo.whl": b"x"}),
        "demo.whl",
        "has a name that no wheel has",
    ),
    "another platform": (
        lambda made: made.raw.update({f"demo-0.4.0-cp310-abi3-{MAC}.whl": b"x"}),
        f"demo-0.4.0-cp310-abi3-{MAC}.whl",
        "is none of the files that the policy expects",
    ),
    "METADATA of another version": (
        edit(WHEEL, METADATA, "Version: 0.4.0", "Version: 0.4.1"),
        WHEEL,
        "METADATA says version `0.4.1`, and `0.4.0` is to be released",
    ),
    "METADATA of another name": (
        edit(WHEEL, METADATA, "Name: demo", "Name: other"),
        WHEEL,
        "METADATA is of `other`, not of `demo`",
    ),
    "no Requires-Python": (
        edit(WHEEL, METADATA, "Requires-Python: >=3.10\n", ""),
        WHEEL,
        "METADATA has no Requires-Python",
    ),
    "a Requires-Python above the tag": (
        edit(WHEEL, METADATA, ">=3.10", ">=3.11"),
        WHEEL,
        "METADATA requires Python `>=3.11`, and `cp310-abi3` promises 3.10 and up",
    ),
    "a Requires-Python below the tag": (
        edit(WHEEL, METADATA, ">=3.10", ">=3.9"),
        WHEEL,
        "METADATA requires Python `>=3.9`, and `cp310-abi3` promises 3.10 and up",
    ),
    "no licence": (
        edit(WHEEL, METADATA, "License-Expression: MIT\n", ""),
        WHEEL,
        "METADATA has no License-Expression (PEP 639)",
    ),
    "no licence file named": (
        edit(WHEEL, METADATA, "License-File: LICENSE\n", ""),
        WHEEL,
        "METADATA names no License-File (PEP 639)",
    ),
    "no licence file there": (
        drop(WHEEL, f"{INFO}/licenses/LICENSE"),
        WHEEL,
        f"METADATA names the licence file `LICENSE`, and `{INFO}/licenses/LICENSE` is not in the archive",
    ),
    "a placeholder": (
        edit(WHEEL, METADATA, "https://github.com/harvard-lil/binoc", "https://www.example.org/demo"),
        WHEEL,
        "METADATA has the placeholder `https://www.example.org/demo` as an address",
    ),
    "a plugin that does not admit the release": (
        edit(PLUGIN, "demo_sqlite-0.4.0.dist-info/METADATA", "demo>=0.4.0,<0.5", "demo>=0.3.0,<0.4"),
        PLUGIN,
        "METADATA requires `demo>=0.3.0,<0.4`, which does not admit `0.4.0`",
    ),
    "a plugin without a floor": (
        edit(PLUGIN, "demo_sqlite-0.4.0.dist-info/METADATA", "demo>=0.4.0,<0.5", "demo<0.5"),
        PLUGIN,
        "METADATA requires `demo<0.5` without a lowest version",
    ),
    "WHEEL with another tag": (
        edit(WHEEL, f"{INFO}/WHEEL", "cp310-abi3", "cp311-abi3"),
        WHEEL,
        f"WHEEL and the name of the file disagree about `cp310-abi3-{LINUX}`, `cp311-abi3-{LINUX}`",
    ),
    "RECORD with another name": (
        lambda made: made.records.update({WHEEL: "{}gone.py,sha256=x,1\n"}),
        WHEEL,
        "RECORD names `gone.py`, which is not in the archive",
    ),
    "a member twice": (
        lambda made: made.twice.update({WHEEL: "demo/__init__.py"}),
        WHEEL,
        "holds `demo/__init__.py` twice, and unpackers differ in which of them they take",
    ),
    "a wheel that climbs": (
        add(WHEEL, "../evil.py"),
        WHEEL,
        "holds `../evil.py`, which would be written outside the directory it is unpacked into",
    ),
    "a source in a wheel": (add(WHEEL, "demo/src/lib.rs"), WHEEL, "holds `demo/src/lib.rs`, a source of the crate"),
    "no library": (
        both(drop(WHEEL, "demo/_native.abi3.so"), add(WHEEL, "demo/data.bin", LIBRARY)),
        WHEEL,
        "holds no library, and its tag is one of a platform",
    ),
    "a library for one Python": (
        add(WHEEL, "demo/_other.cpython-312-x86_64-linux-gnu.so", LIBRARY),
        WHEEL,
        "`demo/_other.cpython-312-x86_64-linux-gnu.so` is for one Python, `cpython-312`, and the tag `abi3` promises",
    ),
    "a library that names the builder's directories": (
        add(
            WHEEL,
            "demo/_native.abi3.so",
            LIBRARY + "/home/rosa/.cargo/registry/src/x/csv/lib.rs",
        ),
        WHEEL,
        "`demo/_native.abi3.so` holds a path of the machine it was built on: `/home/rosa/.cargo/registry/src/`",
    ),
    "a library that names the builder's directories on windows": (
        add(WHEEL, "demo/_native.abi3.so", LIBRARY + "C:\\rosa\\.cargo\\registry\\src\\x"),
        WHEEL,
        "`demo/_native.abi3.so` holds a path of the machine it was built on: `C:\\rosa\\.cargo\\registry\\src\\`",
    ),
    "no SBOM": (drop(WHEEL, SBOM), WHEEL, f"has no SBOM in `{INFO}/sboms/` (PEP 770)"),
    "an SBOM that does not parse": (
        add(WHEEL, SBOM, "{"),
        WHEEL,
        "the SBOM `demo.cyclonedx.json` cannot be read: Expecting property name enclosed in double quotes",
    ),
    "an SBOM of another kind": (
        add(WHEEL, SBOM, "[]"),
        WHEEL,
        "the SBOM `demo.cyclonedx.json` is not in the format CycloneDX",
    ),
    "an SBOM without components": (
        edit(WHEEL, SBOM, '[{"name": "serde", "version": "1.0.0", "purl": "pkg:cargo/serde@1.0.0"}]', "[]"),
        WHEEL,
        "the SBOM `demo.cyclonedx.json` names no component",
    ),
    "an SBOM of another version": (
        add(WHEEL, SBOM, sbom("0.3.0")),
        WHEEL,
        "the SBOM `demo.cyclonedx.json` is of version `0.3.0`, and `0.4.0` is to be released",
    ),
    "an SBOM with a path": (
        add(WHEEL, SBOM, sbom("0.4.0", "file:///made/demo")),
        WHEEL,
        "the SBOM `demo.cyclonedx.json` holds a path of the machine it was built on: "
        "`path+file:///made/demo/python/demo#0.4.0`",
    ),
    "no zip": (
        both(lambda made: made.archives.pop(WHEEL), lambda made: made.raw.update({WHEEL: b"x" * 2000})),
        WHEEL,
        "cannot be read as a zip archive: File is not a zip file",
    ),
    "no tar": (
        both(lambda made: made.archives.pop(SDIST), lambda made: made.raw.update({SDIST: b"x" * 2000})),
        SDIST,
        "cannot be read as a tar archive: not a gzip file",
    ),
    **{
        f"an sdist without {name}": (drop(SDIST, f"demo-0.4.0/{name}"), SDIST, f"has no `{name.removesuffix('.md')}`")
        for name in ("PKG-INFO", "pyproject.toml", "Cargo.lock", "README.md")
    },
    "PKG-INFO of another version": (
        edit(SDIST, PKG_INFO, "Version: 0.4.0", "Version: 0.4.1"),
        SDIST,
        "PKG-INFO says version `0.4.1`, and `0.4.0` is to be released",
    ),
    "an sdist with an absolute member": (
        add(SDIST, "/etc/evil"),
        SDIST,
        "holds `/etc/evil`, which would be written outside the directory it is unpacked into",
    ),
    "an sdist that climbs": (
        add(SDIST, "demo-0.4.0/../../evil"),
        SDIST,
        "holds `demo-0.4.0/../../evil`, which would be written outside the directory it is unpacked into",
    ),
    "an sdist with a second directory": (
        add(SDIST, "other/file"),
        SDIST,
        "holds `other/file`, which is not in the directory `demo-0.4.0`",
    ),
    "an sdist with a link": (
        lambda made: made.links.update({SDIST: "demo-0.4.0/link"}),
        SDIST,
        "holds `demo-0.4.0/link`, which is no regular file",
    ),
    "a crate without its commit": (
        drop(CRATE, VCS),
        CRATE,
        "has no `.cargo_vcs_info.json`, so nothing says which commit it was made from",
    ),
    "a crate of no commit": (add(CRATE, VCS, "{}"), CRATE, "`.cargo_vcs_info.json` names no commit"),
    "a crate of another commit": (
        edit(CRATE, VCS, COMMIT, "decade" + "0" * 34),
        CRATE,
        "was made from commit `decade000000`, and `c0ffee000000` is released",
    ),
    "a crate of changes": (
        edit(CRATE, VCS, f'"{COMMIT}"', f'"{COMMIT}", "dirty": true'),
        CRATE,
        "was made from a checkout with changes that no commit holds",
    ),
    "a crate of another version": (
        edit(CRATE, TOML, "0.4.0", "0.3.0"),
        CRATE,
        "its Cargo.toml says version `0.3.0`, and `0.4.0` is to be released",
    ),
    "a crate of another name": (
        edit(CRATE, TOML, "demo-sdk", "other"),
        CRATE,
        "its Cargo.toml is of `other`, not of `demo-sdk`",
    ),
    "a crate without a licence": (
        edit(CRATE, TOML, 'license = "MIT"\n', ""),
        CRATE,
        "its Cargo.toml names no licence",
    ),
    "a crate without a description": (
        edit(CRATE, TOML, "For plugins.", " "),
        CRATE,
        "its Cargo.toml has no description, and crates.io takes none without",
    ),
    "a crate of an unknown licence": (
        edit(CRATE, TOML, '"MIT"', '"Mine"'),
        CRATE,
        "its Cargo.toml has the licence `Mine`, which is no SPDX expression",
    ),
    **{
        f"a crate with the line {line}": (edit(CRATE, TOML, "[package]", f"[package]\n{line}"), CRATE, saw)
        for line, saw in {
            'keywords = ["a", "b", "c", "d", "e", "f"]': "its Cargo.toml has 6 keywords, and crates.io takes at most 5",
            'categories = ["a", "b", "c", "d", "e", "f"]': "its Cargo.toml has 6 categories, and crates.io takes",
            'keywords = ["model-context-protocol"]': "its Cargo.toml has the keyword `model-context-protocol`, and",
            'keywords = ["two words"]': "its Cargo.toml has the keyword `two words`; crates.io takes letters, digits,",
            'homepage = "www.example.org"': "its Cargo.toml has the homepage `www.example.org`, which is no address",
            'repository = "git://host/x"': "its Cargo.toml has the repository `git://host/x`, which is no address",
            'documentation = "https://"': "its Cargo.toml has the documentation `https://`, which is no address",
            'homepage = "http://[x"': "its Cargo.toml has the homepage `http://[x`, which is no address on the web",
        }.items()
    },
    "a crate without a manifest": (drop(CRATE, TOML), CRATE, "has no `Cargo.toml`"),
    "a crate that does not parse": (edit(CRATE, TOML, "[package]", "[package"), CRATE, "its Cargo.toml cannot be read"),
    "a crate without its licence file": (drop(CRATE, "demo-sdk-0.4.0/LICENSE"), CRATE, "has no `LICENSE`"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_broken_rule_is_the_one_finding(ask, rule):
    change, name, saw = BROKEN[rule]
    made = good()
    change(made)
    (finding,) = ask(made).having("failed", "unknown", "warning")
    assert (finding.check, finding.status, finding.looked_at) == ("dists", "failed", f"dist/{name}")
    assert finding.saw.startswith(saw)
    assert finding.remedy


TWINE, CONTENTS = "twine check --strict", "check-wheel-contents --no-config"

#: A change that only a tool of the field detects, that tool, and what it says.
LEFT_TO_TOOLS = {
    "METADATA that is not valid": (edit(WHEEL, METADATA, "MIT", "Mine"), TWINE, "'Mine' is invalid for"),
    "METADATA with an unknown field": (edit(WHEEL, METADATA, "Summary", "Sumary"), TWINE, "malformed field 'sumary'"),
    "PKG-INFO that is not valid": (edit(SDIST, PKG_INFO, "MIT", "Mine"), TWINE, "'Mine' is invalid for"),
    "no METADATA": (drop(WHEEL, METADATA), TWINE, "No METADATA in archive"),
    "no WHEEL": (drop(WHEEL, f"{INFO}/WHEEL"), CONTENTS, "No WHEEL file"),
    "no RECORD": (drop(WHEEL, f"{INFO}/RECORD"), CONTENTS, "No RECORD file"),
    "no dist-info": (
        lambda made: made.archives.update(
            {WHEEL: {name.replace(INFO, "demo"): text for name, text in made.archives[WHEEL].items()}}
        ),
        CONTENTS,
        "dist-info",
    ),
    "another dist-info": (add(WHEEL, "other-0.4.0.dist-info/METADATA"), CONTENTS, "dist-info"),
    "RECORD with a name twice": (
        lambda made: made.records.update({WHEEL: "{}demo/__init__.py,sha256=" + EMPTY + ",0\n"}),
        CONTENTS,
        "demo/__init__.py",
    ),
    "RECORD with a short line": (
        lambda made: made.records.update({WHEEL: "{}demo\n"}),
        CONTENTS,
        "Invalid RECORD entry: ['demo']",
    ),
}


@dataclass
class Only:
    """Runs one of the tools, as the libraries of these wheels are text, which others cannot read."""

    processes: Processes
    tool: str

    def run(self, command, *, timeout=None):
        if " ".join(command).startswith(self.tool):
            return self.processes.run(command, timeout=timeout)
        return ProcessResult(tuple(command), 127, "", "was left out")


def failures(directory, tool):
    names = [path.name for path in directory.glob("demo-0.4.0*")]
    with temporary_home(Processes(directory)) as processes:
        return run_tools(names, Only(processes, tool)).having("failed")


@pytest.mark.parametrize("tool", [TWINE, CONTENTS])
def test_no_tool_minds_a_good_set(tmp_path, tool):
    good().write(tmp_path)
    assert not failures(tmp_path, tool)


@pytest.mark.parametrize("defect", LEFT_TO_TOOLS)
def test_a_defect_that_is_left_to_a_tool_is_failed(tmp_path, defect):
    change, tool, saw = LEFT_TO_TOOLS[defect]
    made = good()
    change(made)
    made.write(tmp_path)
    (finding,) = failures(tmp_path, tool)
    assert finding.saw.startswith(f"`{tool}`: ")
    assert saw in finding.saw


def test_an_sdist_without_its_licence_lacks_the_file_and_what_names_it(ask):
    made = good()
    del made.archives[SDIST]["demo-0.4.0/LICENSE"]
    assert [each.saw for each in ask(made).having("failed")] == [
        "has no `LICENSE`",
        "PKG-INFO names the licence file `LICENSE`, and `demo-0.4.0/LICENSE` is not in the archive",
    ]


def test_a_file_that_was_changed_after_its_sum_was_written_is_named(ask, tmp_path):
    made = good()
    ask(made)
    path = tmp_path / "dist/SHA256SUMS"
    whole = path.read_text()

    def again():
        selection = PlatformSelection("host", HOST)
        expectation = Expectation(POLICY, made.version, COMMIT, made.tree(), made.packaged(), selection)
        return dists(tmp_path / "dist", expectation)

    def told(text):
        path.write_text(text)
        findings = again().having("failed")
        assert {each.looked_at for each in findings} == {"dist/SHA256SUMS"}
        return [each.saw for each in findings]

    first, *rest = whole.splitlines(keepends=True)
    name = first.split()[1]
    assert told("0" * 64 + first[64:] + "".join(rest)) == [f"gives `{name}` another digest than it has"]
    assert told("".join(rest)) == [f"does not name `{name}`"]
    assert told(whole + "0" * 64 + "  gone.whl\n") == ["names `gone.whl`, which is not there"]
    assert told(whole + first) == [f"names `{name}` twice"]
    assert told(whole + "rubbish\n") == ["line 6 is not a digest and a name"]
    path.unlink()
    (finding,) = again().having("failed")
    assert (finding.looked_at, finding.saw, finding.remedy) == ("dist/SHA256SUMS", "is missing", "just sums")


def test_checksums_are_parsed_as_sha256sum_writes_them():
    assert parse_checksums(f"{'a' * 64}  one\n{'b' * 64} *two words\n") == {"one": "a" * 64, "two words": "b" * 64}
    with pytest.raises(ValueError, match="line 2 is not a digest and a name"):
        parse_checksums(f"{'a' * 64}  one\n<html>\n")


def test_a_record_that_disagrees_with_its_archive_is_told_file_by_file(ask):
    made = good()
    made.records[WHEEL] = f"demo/__init__.py,sha256=x,1\n{INFO}/RECORD,,\n"
    seen = [each.saw for each in ask(made).having("failed")]
    assert seen[:2] == [
        "RECORD gives `demo/__init__.py` another digest than it has",
        "RECORD gives `demo/__init__.py` 1 bytes, and it has 0",
    ]
    assert f"holds `{METADATA}`, which RECORD does not name" in seen
    assert len(seen) == 7


def test_a_library_that_is_too_small_to_be_one_is_named_with_the_bounds(ask):
    made = good()
    made.archives.pop(WHEEL)
    made.raw[WHEEL] = b"PK\x05\x06" + b"\0" * 18
    assert ask(made).having("failed")[0].saw == (
        "has 22 bytes, which is too little: 1000 bytes to 95.4 MiB are expected"
    )


def test_all_platforms_are_compared_as_a_set(ask):
    made = good(platforms=PLATFORMS)
    assert ask(made, platforms="all").status == "ok"


def test_the_wheel_of_a_platform_that_was_promised_is_missed_by_name(ask):
    found = ask(good(platforms=(LINUX,)), platforms="all").having("failed")
    assert [(each.looked_at, each.saw, each.remedy) for each in found] == [
        (f"dist/{name}-0.4.0-cp310-abi3-{MAC}.whl", "the wheel is missing", f"just wheels {MAC}, on such a machine")
        for name in ("demo", "demo_sqlite")
    ]


def test_in_a_rehearsal_it_is_unknown_whether_wheels_of_other_hosts_can_be_built(ask):
    found = ask(good(platforms=(LINUX,)), platforms="all", rehearsed=True).having("failed", "unknown")
    assert [(each.status, each.looked_at) for each in found] == [
        ("unknown", f"dist/{name}-0.4.0-cp310-abi3-{MAC}.whl") for name in ("demo", "demo_sqlite")
    ]
    assert found[0].saw == "the wheel is missing, and a rehearsal builds the wheels of its host only"


def test_in_a_rehearsal_the_wheels_that_its_host_can_install_must_be_there(ask):
    found = ask(good(platforms=(MAC,)), platforms="all", rehearsed=True).having("failed", "unknown")
    assert [(each.status, each.saw) for each in found] == [("failed", "the wheel is missing")] * 2


def test_of_several_wheels_that_this_host_can_install_one_is_enough(ask):
    older = "manylinux_2_5_x86_64"
    policy = replace(
        POLICY,
        artifacts=tuple(
            replace(each, platforms=(older, *each.platforms) if each.wheels else ()) for each in POLICY.artifacts
        ),
    )
    assert ask(good(platforms=(LINUX,)), policy).status == "ok"
    assert ask(good(platforms=(LINUX, older)), policy).status == "ok"


def test_without_a_platform_that_this_host_can_install_it_is_unknown_which_wheel_to_expect(ask):
    found = ask(good(platforms=()), host=HostPlatform("linux", "vax", frozenset({"linux_vax"}))).having(
        "failed", "unknown"
    )
    saw = "the policy lists no platform whose wheels linux vax can install"
    assert [(each.status, each.saw) for each in found] == [("unknown", saw)] * 2


def test_the_wheels_of_one_platform_can_be_asked_about_alone(ask):
    assert ask(good(platforms=(MAC,)), platforms=MAC).status == "ok"


def test_asked_about_one_platform_the_wheels_of_another_are_not_expected(ask):
    found = ask(good(platforms=(LINUX,)), platforms=MAC).having("failed")
    assert {each.saw for each in found} == {"the wheel is missing", "is none of the files that the policy expects"}


def test_a_platform_that_the_policy_does_not_list_is_refused_with_those_it_lists(ask):
    (finding,) = ask(good(), platforms="win_arm64")
    assert (finding.looked_at, finding.saw) == ("--platforms win_arm64", "the policy lists no wheel of this platform")
    assert finding.remedy == f"--platforms host|all|{LINUX}|{MAC}"


def test_a_file_of_an_sdist_that_the_commit_does_not_have_is_foreign(ask):
    made = good()
    tree, packaged = made.tree(), made.packaged()
    made.archives[SDIST]["demo-0.4.0/build.rs"] = "fn main() {}\n"
    (finding,) = ask(made, commit_files=tree, packaged=packaged).having("failed", "unknown")
    assert (finding.looked_at, finding.saw) == (f"dist/{SDIST}", "holds `build.rs`, which the commit does not have")


def test_a_file_of_an_sdist_that_was_changed_is_named(ask):
    made = good()
    tree = made.tree()
    made.edit(SDIST, "demo-0.4.0/README.md", "demonstration", "decoy")
    (finding,) = ask(made, commit_files=tree).having("failed", "unknown")
    assert finding.saw == "holds another `README.md` than the commit has"


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
def test_a_manifest_may_differ_from_the_commit_only_in_what_maturin_writes_anew(ask, path, committed, written, same):
    made = good()
    made.archives[SDIST][f"demo-0.4.0/{path}"] = committed
    tree = made.tree()
    made.archives[SDIST][f"demo-0.4.0/{path}"] = written
    saw = [each.saw for each in ask(made, commit_files=tree).having("failed", "unknown")]
    assert saw == ([] if same else [f"holds another `{path}` than the commit has"])


def test_a_crate_holds_exactly_what_cargo_would_package(ask):
    made = good()
    packaged = made.packaged()
    made.archives[CRATE]["demo-sdk-0.4.0/build.rs"] = made.archives[CRATE].pop("demo-sdk-0.4.0/src/lib.rs")
    assert [each.saw for each in ask(made, packaged=packaged).having("failed")] == [
        "holds `build.rs`, which `cargo package --list` does not name",
        "has no `src/lib.rs`, which `cargo package --list` names",
    ]


def test_what_git_and_cargo_could_not_tell_is_unknown_with_their_reason(ask):
    found = ask(good(), commit_files="no such commit", packaged={"demo-sdk": "not at that commit"}).having(
        "failed", "unknown"
    )
    assert {(each.status, each.looked_at, each.saw) for each in found} == {
        ("unknown", f"dist/{name}", "its files could not be compared with those of the commit: no such commit")
        for name in (SDIST, "demo_sqlite-0.4.0.tar.gz")
    } | {
        (
            "unknown",
            f"dist/{CRATE}",
            "its files could not be compared with those that cargo packages: not at that commit",
        )
    }


@pytest.mark.parametrize("length", [40, 64])
def test_the_name_of_a_file_is_the_one_that_git_gives_it(length, git, tmp_path):
    kind = {40: "sha1", 64: "sha256"}[length]
    git("init", "--quiet", f"--object-format={kind}", str(tmp_path / kind))
    (tmp_path / "file").write_bytes(b"a\r\n\0")
    assert object_name(b"a\r\n\0", length) == git("hash-object", str(tmp_path / "file"), cwd=tmp_path / kind)


@pytest.mark.parametrize(
    "order", ["manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux2014_x86_64.manylinux_2_17_x86_64"]
)
def test_the_old_name_of_a_platform_beside_the_new_one_changes_nothing(ask, order):
    made = good()
    name = f"demo-0.4.0-cp310-abi3-{order}.whl"
    made.rename(WHEEL, name)
    made.edit(name, f"{INFO}/WHEEL", LINUX, f"{LINUX}\nTag: cp310-abi3-manylinux2014_x86_64")
    assert ask(made).status == "ok"
    linux = [replace(each, platforms=(LINUX,) if each.wheels else ()) for each in POLICY.artifacts]
    only = replace(POLICY, artifacts=tuple(linux))
    assert ask(made, only, platforms="all").status == "ok"


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
        (("win", "amd64"), "win_arm64", False),
        (("win", "32"), "win32", True),
        (("any", ""), "manylinux_x86_64", False),
    ],
)
def test_a_host_builds_the_wheels_of_its_system_and_machine(host, tag, builds):
    assert HostPlatform(*host, frozenset()).builds(tag) is builds


def test_this_host_installs_its_own_wheels():
    host = host_platform()
    assert all(host.installs(tag) for tag in host.tags)
    assert any(host.builds(tag) for tag in host.tags)
    assert not host.installs("manylinux_2_17_vax")


@pytest.mark.parametrize(("kind", "answer"), [(2, False), (11, True)])
@pytest.mark.parametrize(("order", "wide"), [("<", True), ("<", False), (">", True), (">", False)])
def test_a_symbol_table_that_was_left_in_a_library_is_found(kind, answer, order, wide):
    size = 64 if wide else 52
    head = bytearray(size)
    head[:6] = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2])
    struct.pack_into(f"{order}{'Q' if wide else 'I'}", head, 0x28 if wide else 0x20, size)
    struct.pack_into(f"{order}HH", head, 0x3A if wide else 0x2E, 40, 2)
    sections = struct.pack(f"{order}II32x", 0, 0) + struct.pack(f"{order}II32x", 0, kind)
    assert is_stripped(bytes(head) + sections) is answer
    assert is_stripped(bytes(head)) is None
    assert is_stripped(b"MZ" + sections) is None


def test_the_library_of_a_debug_build_is_named_with_the_edit(ask):
    made = good()
    head = "\x7fELF\x02\x01" + "\0" * 34 + "\x40" + "\0" * 17 + "\x28\0\x01\0\0\0"
    made.archives[WHEEL]["demo/_native.abi3.so"] = head[:64] + "\0\0\0\0\x02\0\0\0" + "library " * 200
    (finding,) = ask(made).having("failed")
    assert finding.saw == "`demo/_native.abi3.so` holds a table of symbols that nobody who runs it needs"
    assert finding.remedy.startswith("write `strip = true` under `[tool.maturin]`")


def test_without_a_commit_a_crate_cannot_be_compared(ask):
    (finding,) = ask(good(), commit=None).having("failed")
    assert (finding.saw, finding.remedy) == ("there is no commit to compare it with", "git fetch --tags")


def test_a_directory_that_is_not_there_is_a_finding(tmp_path):
    (finding,) = dists(tmp_path / "dist", Expectation(POLICY, Version.parse("0.4.0"), COMMIT))
    assert (finding.looked_at, finding.saw, finding.remedy) == ("dist", "there is no such directory", "just dist")


def test_without_a_promise_it_is_unknown_what_should_be_there(tmp_path):
    (finding,) = dists(tmp_path, Expectation(Policy(), Version.parse("0.4.0"), COMMIT))
    assert finding.status == "unknown"
