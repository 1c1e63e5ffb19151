# All commands of this repository. `./just RECIPE` creates the environment first, then runs the same recipe.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

# Use the tools of .venv even if it is not activated. A clone without .venv (in a rehearsal) uses those on PATH.
bin := if os_family() == "windows" { "Scripts" } else { "bin" }
export PATH := justfile_directory() / ".venv" / bin + PATH_VAR_SEP + env("PATH")
# Use the library of this checkout, even if the environment was created for another one.
export PYTHONPATH := justfile_directory() / "src"
# Without UTF-8, Python cannot print the symbols of findings to a pipe on Windows.
export PYTHONUTF8 := "1"
# Without bytecode files, every process of a test run or release compiles the library again.
export PYTHONDONTWRITEBYTECODE := ""

target := env("CARGO_TARGET_DIR", justfile_directory() / "target")
site := target / "site"
# Two for each processor, because tests wait for other processes; no more than four, each of which loads the library.
workers := if num_cpus() == "1" { "2" } else { "4" }

# The recipes of a release print their own findings, so `no-exit-message` hides the message of just about the exit code.

# list the recipes
default:
    @just --list --unsorted

# rehearse the complete release against local servers
[group("release"), no-exit-message]
rehearse *arguments:
    @binoc-runbook rehearse "$@"

# run all checks of a release except the tests; read-only
[group("release"), no-exit-message]
check *arguments:
    @binoc-runbook check "$@"

# show the stages of a release and the commands that they run
[group("release"), no-exit-message]
plan *arguments:
    @binoc-runbook plan "$@"

# release a version: show the plan, prompt for confirmation, run the runbook; `--dry-run` stops before the first push
[group("release"), no-exit-message]
release version *options:
    @binoc-runbook release "$@"

# verify a published version: availability, digests, provenance, smoke test
[group("release"), no-exit-message]
verify *arguments:
    @binoc-runbook verify "$@"

# show the state of a release in every place, and the next command; read-only
[group("release"), no-exit-message]
doctor *arguments:
    @binoc-runbook doctor "$@"

# prepare a new version: update manifests and the changelog, show the next commands
[group("release"), no-exit-message]
prepare version *options:
    @binoc-runbook prepare "$@"

# set the version in all manifests, requirements and lock files
[group("release"), no-exit-message]
set-version version:
    @binoc-runbook set-version "$@"

# let `check` start the programs that the git configuration of this checkout selects
[group("release"), no-exit-message]
trust *arguments:
    @binoc-runbook trust "$@"

# check the settings of GitHub and the registries: `GH_TOKEN=$(gh auth token) just setup-check` queries GitHub too
[group("release"), no-exit-message]
setup-check *arguments:
    @binoc-runbook setup-check "$@"

# write the notes and assets of the GitHub release of a tag: `just release-notes --assets dist/SHA256SUMS`
[group("release"), no-exit-message]
release-notes *arguments:
    @binoc-runbook release-notes "$@"

# run all tests: lint, code, notebooks and rehearsals
[group("tests")]
test: test-inputs (run-tests "--nbmake --nbmake-timeout=1800 runbooks docs/adr tests")

# run the tests without rehearsals and notebooks; a release runs these
[group("tests")]
test-code: (run-tests "-m 'not rehearsal and not notebook' tests")

[private]
[parallel]
test-inputs: lint docs build test-rust

[private]
test-rust:
    cargo test --workspace --locked

# The slowest tests run first, so that all workers finish at about the same time.
[private]
run-tests selection: build test-rust
    python -m pytest -n {{ workers }} --dist loadscope --no-loadscope-reorder {{ selection }}
    PYTHONPATH="{{ site }}" python -m pytest python

# kill releases and other commands at random points for a time: `just test-kill 300`
[group("tests")]
test-kill *arguments:
    python -m tests.kill "$@"

# change every part of the publish workflow, and count what the contract catches: `just mutate 60` or `just mutate --all`
[group("tests")]
mutate *arguments:
    python -m tests.mutate "$@"

# run the fuzz functions of the crates with cargo-fuzz: `just fuzz 60` or `just fuzz 600 stdlib-delimited`
[group("tests")]
fuzz *arguments:
    python -m tests.fuzz "$@"

# update the golden files in tests/messages and the list in docs/reference/findings.md
[group("tests")]
messages: build
    python -m pytest -n {{ workers }} --dist loadscope --no-loadscope-reorder --update-messages tests

# check the workspace with the `rust-version` of Cargo.toml
[group("tests")]
msrv:
    #!/usr/bin/env bash
    set -euo pipefail
    msrv=$(cargo metadata --no-deps --format-version 1 | python -c 'import json, sys
    packages = json.load(sys.stdin)["packages"]
    print(next(package["rust_version"] for package in packages if package["name"] == "binoc-sdk"))')
    rustup toolchain install --no-self-update --profile minimal "$msrv"
    CARGO_TARGET_DIR="{{ target }}/msrv" cargo "+$msrv" check --workspace --locked

# lint the crates with the latest stable Rust, which can have new lints
[group("tests")]
latest-rust:
    rustup toolchain install --no-self-update --profile minimal --component clippy --component rustfmt stable
    RUSTUP_TOOLCHAIN=stable CARGO_TARGET_DIR="{{ target }}/latest-rust" '{{ just_executable() }}' lint-rust

# build both wheels and install them into target/site
[group("build")]
build:
    maturin build --release --quiet --locked --manifest-path python/binoc/Cargo.toml --out "{{ target }}/wheels"
    maturin build --release --quiet --locked --manifest-path python/binoc-sqlite/Cargo.toml --out "{{ target }}/wheels"
    rm -rf "{{ site }}"
    # Without --no-cache, uv installs a cached wheel of the same name, built from older sources.
    uv pip install --quiet --no-cache --no-deps --no-index --target "{{ site }}" --find-links "{{ target }}/wheels" binoc binoc-sqlite

# check that the manifests have the version of a tag: `just check-tag refs/tags/v0.4.0`
[group("build")]
check-tag ref *options:
    @binoc-runbook check-tag "$@"

# install the Rust standard library for a target, if rustup manages the toolchain
[group("build")]
rust-target target:
    if command -v rustup >/dev/null; then rustup target add "$1"; fi

# build into dist/: both sdists, wheels for this host, the crate and SHA256SUMS
[group("build")]
dist *options:
    @binoc-runbook dist "$@"

# build the sdists and the crate into dist/
[group("build")]
sources *options:
    @binoc-runbook dist --part sources "$@"

# build wheels for a platform of the policy from the sdists in dist/: `just wheels musllinux_1_2_x86_64`
[group("build")]
wheels platform *options:
    @binoc-runbook dist --part wheels --platform "$@"

# write the checksums of all files in dist/ to dist/SHA256SUMS; `--expect` compares them
[group("build")]
sums *options:
    @binoc-runbook sums "$@"

# check that dist/ contains exactly the files that the policy declares: `just check-dists --platforms all`
[group("build")]
check-dists *arguments:
    @binoc-runbook check --dists dist "$@"

# check that the crate in dist/ compiles and is compatible with its last release
[group("build")]
verify-crate *options:
    @binoc-runbook verify-crate "$@"

# build the documentation site
[group("build")]
docs: rustdoc
    rm -rf docs/_build/html
    sphinx-build -E -W --keep-going -b html docs docs/_build/html

# serve the site on localhost and rebuild it after changes, until Ctrl-C; `--port 0` selects a free port
[group("build")]
docs-serve *options:
    sphinx-autobuild --host 127.0.0.1 --pre-build "'{{ just_executable() }}' --quiet rustdoc" \
        --watch src/binoc_runbook --watch runbooks --watch crates --watch python --watch .github --watch pyproject.toml --watch CHANGELOG.md \
        --ignore docs/_build --ignore docs/runbooks --re-ignore __pycache__ "$@" docs docs/_build/html

# build the rustdoc pages for the site, if cargo is installed
[private]
rustdoc:
    if command -v cargo >/dev/null; then RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps \
        --package binoc-sdk --target-dir "{{ target }}/rustdoc"; \
        else echo "\`cargo\` not found; the site will not contain the reference of \`binoc-sdk\`" >&2; fi

# create the page of a decision: `just adr "Wheels for one more platform"`
[group("build")]
adr title:
    @binoc-runbook adr "$@"

# check formatting, types and workflows
[group("tests")]
lint: lint-rust
    ruff format --check
    ruff check
    mypy
    zizmor --quiet --offline --persona pedantic --no-ignores .github
    check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
    check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
    actionlint -shellcheck= -pyflakes= .github/workflows/*.yml

[private]
lint-rust:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --package binoc-sqlite --features python --locked -- -D warnings

# format the code
[group("tests")]
fmt:
    cargo fmt --all
    ruff format
    ruff check --fix

# measure the overhead of the runbook and the speed of `binoc diff`, and update bench/README.md
[group("tests")]
bench: bench-tools
    python bench/run.py

# Install the tools that `binoc diff` is compared with into an environment of their own.
[private]
bench-tools:
    uv venv --quiet --allow-existing --python "$(command -v python)" "{{ target }}/bench"
    uv pip sync --quiet --python "{{ target }}/bench" --require-hashes --no-build requirements/bench.txt

# run a command in this environment: `just with papermill runbooks/release.ipynb -p version 0.4.0`
[group("build"), no-exit-message]
with +command:
    @"$@"

# update the pins in requirements/ from pyproject.toml; fail if one has no wheel for a machine that installs it
[group("build")]
lock:
    python requirements/lock.py

# check that the pins follow from pyproject.toml, and have wheels
[group("tests")]
lock-check:
    python requirements/lock.py --check

# check licences, sources and known vulnerabilities of all dependencies; fails without a network
[group("tests")]
audit:
    cargo deny --locked check
    # dev.txt contains the pins of build.txt and uv.txt.
    pip-audit --strict --disable-pip --require-hashes --requirement requirements/dev.txt --requirement requirements/bench.txt
