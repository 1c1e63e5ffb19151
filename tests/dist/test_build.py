"""Preconditions of the build of the dists."""

from __future__ import annotations

import pytest

from binoc_runbook.dist.build import build
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
