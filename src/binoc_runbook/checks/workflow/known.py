"""Actions and runners that are known here: releases of actions, and labels of hosted runners."""

from __future__ import annotations

#: Known releases of actions: the commit (not the tag object) and its tag.
KNOWN_ACTIONS = {
    "actions/attest": ("1e69f48acb82d1966a394da916b4c1698aa569d6", "v4.2.2"),
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/configure-pages": ("45bfe0192ca1faeb007ade9deae92b16b8254a0d", "v6.0.0"),
    "actions/deploy-pages": ("cd2ce8fcbc39b97be8ca5fce6e763baed58fa128", "v5.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "actions/upload-pages-artifact": ("fc324d3547104276b827a68afc52ff2a11cc49c9", "v5.0.0"),
    "astral-sh/attest-action": ("f589a42a7efb6fe400b4f400de60b4bc90390027", "v0.0.6"),
    "astral-sh/setup-uv": ("20cfd1bf945f4377ade1205e4dbc17946fc9a30d", "v10.0.1"),
    "pyo3/maturin-action": ("e83996d129638aa358a18fbd1dfb82f0b0fb5d3b", "v1.51.0"),
    "pypa/gh-action-pypi-publish": ("dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "v1.14.2"),
    "rust-lang/crates-io-auth-action": ("c6f97d42243bad5fab37ca0427f495c86d5b1a18", "v1.0.5"),
    "swatinem/rust-cache": ("6323deb102c322ba6fcbdcafc7e3dddab59af2b6", "v2.9.2"),
    "zizmorcore/zizmor-action": ("3dc1ecc9bcb9e94e9b2c709687979e1298497054", "v0.6.2"),
}


def known_pin(action: str) -> str:
    """Return a known action as a workflow uses it: pinned to a commit, with its tag as a comment."""
    commit, tag = KNOWN_ACTIONS[action]
    return f"{action}@{commit} # {tag}"


#: Labels of hosted runners (actions/runner-images).
LIVE_RUNNERS = {
    *("ubuntu-22.04", "ubuntu-22.04-arm", "ubuntu-24.04", "ubuntu-24.04-arm", "ubuntu-26.04", "ubuntu-26.04-arm"),
    *("ubuntu-slim", "macos-15", "macos-15-intel", "macos-15-large", "macos-15-xlarge"),
    *("macos-26", "macos-26-intel", "macos-26-large", "macos-26-xlarge"),
    *("windows-2022", "windows-2025", "windows-11-arm", "windows-11-vs2026-arm"),
}
