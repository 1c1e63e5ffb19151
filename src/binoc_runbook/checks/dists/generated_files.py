"""Names of the third-party files that are generated into an sdist, see `dist.third_party`."""

#: The licences of all linked crates. `license-files = ["LICENSE*"]` matches it, and is valid without it (PEP 639).
NOTICES = "LICENSE-THIRD-PARTY.txt"
#: The SBOM of the C libraries that crates bundle (PEP 770).
BUNDLED = "bundled.cyclonedx.json"
#: The property of a component with the source id of SQLite: the time and hash of its check-in.
SOURCE_ID = "sqlite:source-id"
