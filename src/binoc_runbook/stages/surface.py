"""Stage 2: exactly the declared artifacts can be published."""

from __future__ import annotations

from binoc_runbook.checks.surface import CargoView, surface
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target

#: How long cargo may take to list the packages of one workspace, in seconds.
PATIENCE = 120.0


class SurfaceStage(Stage):
    name = "surface"
    sentence = "Exactly the declared artifacts can be published, by the manifests and by cargo's own view."

    def observe(self, target: Target) -> Observation:
        workspace = target.workspace()
        if workspace.cargo_roots and target.world.processes.find("cargo") is None:
            saw = "`cargo` was not found on PATH, so its own view of the crates is missing"
            remedy = "install the Rust toolchain with rustup, then open a new shell"
            return Observation.answered(Findings([Finding.failed(self.name, "cargo metadata", saw, remedy)]))
        views = [self._ask_cargo(target, root) for root in workspace.cargo_roots]
        return Observation.answered(surface(workspace, target.policy, views))

    @staticmethod
    def _ask_cargo(target: Target, root: str) -> CargoView:
        question = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", root]
        done = target.world.processes.run(question, patience=PATIENCE)
        if done.returncode != 0:
            return CargoView(root, unknown=done.reason)
        return CargoView.parse(done.stdout, root, target.world.root)
