# Every way into this repository. `./just RECIPE` makes the environment first; `just RECIPE` is the same recipe.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

# The tools of .venv, activated or not; in a clone without one (a rehearsal) those of whoever runs it.
bin := if os_family() == "windows" { "Scripts" } else { "bin" }
export PATH := justfile_directory() / ".venv" / bin + PATH_VAR_SEP + env("PATH")
# The library of this checkout, also where the environment was made for another.
export PYTHONPATH := justfile_directory() / "src"
# Where a pipe has an old encoding (on Windows), Python could not even print the signs of a finding.
export PYTHONUTF8 := "1"
# Where bytecode is not written, each of the many processes of a test run or a release compiles the library again.
export PYTHONDONTWRITEBYTECODE := ""

target := env("CARGO_TARGET_DIR", justfile_directory() / "target")
site := target / "site"
# One more than processors, because tests wait for other processes; no more than four, each of which loads the library.
workers := if num_cpus() == "1" { "2" } else if num_cpus() == "2" { "3" } else { "4" }

# list the recipes
default:
    @just --list --unsorted

# the whole release, really performed, in a world on loopback
[group("release")]
rehearse *arguments:
    @binoc-runbook rehearse "$@"

# every question of the stages before the tests, without side effects
[group("release")]
check *arguments:
    @binoc-runbook check "$@"

# the stages of a release, and the commands that it would run
[group("release")]
plan *arguments:
    @binoc-runbook plan "$@"

# the real release
[group("release")]
release version *options:
    @binoc-runbook release "$@"

# whether a released version is out at the registries, is what was built, and works
[group("release")]
verify *arguments:
    @binoc-runbook verify "$@"

# the way to a bump: set-version, the changelog's heading, and the commands to go on with
[group("release")]
prepare version:
    @binoc-runbook prepare "$@"

# write a version wherever a published one is owned or quoted
[group("release")]
set-version version:
    @binoc-runbook set-version "$@"

# what GitHub and the registries must be told once: `GH_TOKEN=$(gh auth token) just setup-check` asks GitHub too
[group("release")]
setup-check *arguments:
    @binoc-runbook setup-check "$@"

# the release on GitHub of a tag that is pushed: `just github-release --assets dist/SHA256SUMS`
[group("release")]
github-release *arguments:
    @binoc-runbook github-release "$@"

# everything: lint, the code, the notebooks and whole rehearsals
[group("tests")]
test: lint docs (run-tests "--nbmake --nbmake-timeout=600 runbooks docs/adr tests")

# the tests without rehearsals and notebooks: what a release runs
[group("tests")]
test-code: (run-tests "-m 'not rehearsal and not notebook' tests")

# What takes longest comes first, so that no worker waits for another at the end.
[private]
run-tests selection: build
    cargo test --workspace --locked
    python -m pytest -n {{ workers }} --dist loadscope --no-loadscope-reorder {{ selection }}
    PYTHONPATH="{{ site }}" python -m pytest python

# write the golden files of messages in tests/messages, and the list in docs/reference/findings.md
[group("tests")]
messages: build
    python -m pytest -n {{ workers }} --dist loadscope --no-loadscope-reorder --update-messages tests

# the workspace with the oldest Rust that Cargo.toml admits
[group("tests")]
msrv:
    #!/usr/bin/env bash
    set -euo pipefail
    msrv=$(cargo metadata --no-deps --format-version 1 | python -c 'import json, sys
    print(next(each["rust_version"] for each in json.load(sys.stdin)["packages"] if each["name"] == "binoc-sdk"))')
    rustup toolchain install --profile minimal "$msrv"
    CARGO_TARGET_DIR="{{ target }}/msrv" cargo "+$msrv" check --workspace --locked

# both wheels, and a directory that holds them installed
[group("build")]
build:
    maturin build --quiet --locked --manifest-path python/binoc/Cargo.toml --out "{{ target }}/wheels"
    maturin build --quiet --locked --manifest-path python/binoc-sqlite/Cargo.toml --out "{{ target }}/wheels"
    rm -rf "{{ site }}"
    uv pip install --quiet --no-deps --no-index --target "{{ site }}" --find-links "{{ target }}/wheels" binoc binoc-sqlite

# whether a ref may be published from: `just check-tag refs/tags/v0.4.0`
[group("build")]
check-tag ref *options:
    @binoc-runbook check-tag "$@"

# the standard library of a target that wheels are built for, where rustup manages the toolchain
[group("build")]
rust-target target:
    if command -v rustup >/dev/null; then rustup target add "$1"; fi

# what a release publishes, into dist/: both sdists, wheels of them for this host, the crate, their sums
[group("build")]
dist *options:
    @binoc-runbook dist "$@"

# the first part of `dist`: the sdists and the crate
[group("build")]
sources *options:
    @binoc-runbook dist --part sources "$@"

# the other part: wheels for one platform of the policy, from the sdists in dist/, such as `just wheels musllinux_1_2_x86_64`
[group("build")]
wheels platform *options:
    @binoc-runbook dist --part wheels --platform "$@"

# SHA256SUMS anew over all that lies in dist/, when the files of several machines were brought together
[group("build")]
sums *options:
    @binoc-runbook sums "$@"

# whether dist/ holds exactly what the policy promises: `just check-dists --platforms all`
[group("build")]
check-dists *arguments:
    @binoc-runbook check --dists dist "$@"

# whether the crate compiles from what is uploaded, as it lies in dist/, and keeps what its last release promised
[group("build")]
verify-crate *options:
    @binoc-runbook verify-crate "$@"

# the site
[group("build")]
docs: rustdoc
    rm -rf docs/_build/html
    sphinx-build -E -W --keep-going -b html docs docs/_build/html

# the site on this machine, built again whenever a file changes that it is made of, until Ctrl-C; `--port 0` finds a free one
[group("build")]
docs-serve *options:
    sphinx-autobuild --host 127.0.0.1 --pre-build "'{{ just_executable() }}' --quiet rustdoc" \
        --watch src/binoc_runbook --watch runbooks --watch crates --watch python --watch .github --watch pyproject.toml \
        --ignore docs/_build --ignore docs/runbooks --re-ignore __pycache__ "$@" docs docs/_build/html

# the part of the site that rustdoc makes, where there is cargo
[private]
rustdoc:
    if command -v cargo >/dev/null; then RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps \
        --package binoc-sdk --target-dir "{{ target }}/rustdoc"; else echo "no cargo: \`binoc-sdk\` is left out" >&2; fi

# the page of a new decision: `just adr "Wheels for one more platform"`
[group("build")]
adr title:
    @binoc-runbook adr "$@"

# formatting, types and the rules of the workflows
[group("tests")]
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --package binoc-sqlite --features python --locked -- -D warnings
    ruff format --check
    ruff check
    mypy
    zizmor --quiet --offline --persona pedantic --no-ignores .github
    check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
    actionlint -shellcheck= -pyflakes= .github/workflows/*.yml

# put everything into the form that `lint` wants
[group("tests")]
fmt:
    cargo fmt --all
    ruff format
    ruff check --fix

# what the runbook adds to a release, as ratios in one run
[group("tests")]
bench:
    python bench/run.py

# any command in this environment: `just with papermill --help`
[group("build")]
with +command:
    @"$@"

# renew the pins in requirements/ from pyproject.toml
[group("build")]
lock:
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml --group dev --output-file requirements/dev.txt
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group build --constraint requirements/dev.txt --output-file requirements/build.txt
    awk '/^[^ ]/ { keep = /^uv==/ } keep' requirements/dev.txt > requirements/uv.txt
