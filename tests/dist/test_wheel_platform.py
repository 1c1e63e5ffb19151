"""Build settings of wheels by platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from binoc_runbook.dist.wheel_platform import WheelPlatform
from binoc_runbook.workspace.policy_table import read_policy


@pytest.mark.parametrize(
    ("tag", "target", "arguments", "environment"),
    [
        ("manylinux_2_17_x86_64", "x86_64-unknown-linux-gnu", "--zig --compatibility manylinux_2_17", {}),
        ("manylinux_2_28_aarch64", "aarch64-unknown-linux-gnu", "--zig --compatibility manylinux_2_28", {}),
        ("musllinux_1_2_x86_64", "x86_64-unknown-linux-musl", "--zig --compatibility musllinux_1_2", {}),
        (
            "macosx_10_12_x86_64",
            "x86_64-apple-darwin",
            "--compatibility pypi",
            {"MACOSX_DEPLOYMENT_TARGET": "10.12"},
        ),
        ("macosx_11_0_arm64", "aarch64-apple-darwin", "--compatibility pypi", {"MACOSX_DEPLOYMENT_TARGET": "11.0"}),
        ("win_amd64", "x86_64-pc-windows-msvc", "--compatibility pypi", {}),
        ("win_arm64", "aarch64-pc-windows-msvc", "--compatibility pypi", {}),
        ("win32", "i686-pc-windows-msvc", "--compatibility pypi", {}),
    ],
)
def test_settings_of_a_platform(tag, target, arguments, environment):
    platform = WheelPlatform.of(tag)
    assert (platform.tag, platform.target, platform.environment) == (tag, target, environment)
    assert platform.arguments == tuple(arguments.split())
    assert platform.flags == (("-Clink-arg=/Brepro",) if "windows" in target else ())


@pytest.mark.parametrize("tag", ["manylinux_2_17_vax", "macosx_11_0_universal2", "linux_x86_64", "any", "win_vax"])
def test_unsupported_platform_has_no_settings(tag):
    assert WheelPlatform.of(tag) is None


def test_platforms_of_this_repository_are_supported():
    tags = {tag for artifact in read_policy(Path(__file__).parents[2]).artifacts for tag in artifact.platforms}
    assert tags
    assert None not in map(WheelPlatform.of, tags)
