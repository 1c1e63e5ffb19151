"""Preconditions of the build of the dists."""

from __future__ import annotations

import os

import pytest

from binoc_runbook.checks.dists.expectation import host_platform
from binoc_runbook.dist.build import _Build, build
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.world import World


def test_distribution_with_another_build_backend_is_refused(checkout, tmp_path):
    path = "python/demo/pyproject.toml"
    checkout.write(
        path, '[build-system]\nbuild-backend = "hatchling.build"\n[project]\nname = "demo"\nversion = "0.4.0"\n'
    )
    with pytest.raises(RefusedError) as refused:
        build(open_target(World.real(checkout.root), None), tmp_path / "dist", print)
    (finding,) = refused.value.findings
    assert (finding.status, finding.looked_at) == ("failed", f"{path}:2")
    assert "`hatchling.build`" in finding.saw
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(("code", "toolchain"), [(0, "1.90.0-x86_64-unknown-linux-gnu"), (1, None)])
def test_wheels_are_built_with_the_toolchain_of_the_checkout(checkout, tmp_path, code, toolchain):
    rustup = tmp_path / "bin/rustup"
    rustup.parent.mkdir()
    rustup.write_text(f"#!/bin/sh\necho \"{toolchain} (overridden by '$PWD/rust-toolchain.toml')\"; exit {code}\n")
    rustup.chmod(0o755)
    target = open_target(World.real(checkout.root), None)
    target.world.processes.environment = {"PATH": f"{rustup.parent}{os.pathsep}{os.environ['PATH']}"}
    builder = _Build(target, tmp_path / "dist", print, host_platform())
    assert builder.environment.get("RUSTUP_TOOLCHAIN") == toolchain
