"""Fault `replaced-artifact`: a job uploads one more workflow artifact after the dists were checked.

On GitHub, all jobs of a run can do this, with any code that they execute.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.checks.dists.expected_files import dist_stem
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.rehearsal.runner import WorkflowRun
from binoc_runbook.rehearsal.runner.job_context import JobContext
from binoc_runbook.rehearsal.runner.schedule import in_order
from binoc_runbook.rehearsal.servers.github_api import GitHubServer
from binoc_runbook.version import Version
from binoc_runbook.world.triggered_run import JobRun


@dataclass(frozen=True, slots=True)
class ReplacedArtifact:
    """A small sdist that PyPI would accept for the first distribution of a policy, in a workflow artifact."""

    policy: Policy
    version: Version

    @property
    def artifact(self) -> Artifact:
        """Return the artifact to which the sdist would be published."""
        artifacts = self.policy.artifacts
        return next((artifact for artifact in artifacts if artifact.registry == "pypi"), artifacts[0])

    @property
    def name(self) -> str:
        """Return the name of the workflow artifact, which the publish job selects by its pattern."""
        return f"{self.artifact.name}.zzz"

    def upload(self, context: JobContext, job: JobRun) -> None:
        """Upload it at the end of the last job without identity token that the publish job needs."""
        workflow, run = context.run.workflow, context.run
        publishers = [job for artifact, job in workflow.publishers(self.policy) if artifact == self.artifact]
        needed = {name for publisher in publishers for name in workflow.needed_by(publisher)}
        candidates = [known.id for known in in_order(workflow) if known.id in needed and known.token is None]
        if run.attempt > 1 or candidates[-1:] != [job.id]:
            return
        sdist = run.directory / "replaced-artifact" / f"{dist_stem(self.artifact, self.version)}.post1.tar.gz"
        self._write(sdist)
        run.workflow_artifacts.upload(self.name, [sdist], sdist.parent, run.attempt, overwrite=False)
        context.serve_artifact(self.name)
        context.show(f"injected fault: `{job.id}` uploads the workflow artifact {self.name} with {sdist.name}")

    def delete(self, run: WorkflowRun, github: GitHubServer) -> None:
        """Delete the workflow artifact, as a person does on the page of the run."""
        run.workflow_artifacts.delete(self.name)
        github.runs[run.id].delete_artifact(self.name)

    def _write(self, sdist: Path) -> None:
        stem = sdist.name.removesuffix(".tar.gz")
        content = f"Metadata-Version: 2.1\nName: {self.artifact.name}\nVersion: {self.version.pep440}.post1\n".encode()
        sdist.parent.mkdir()
        with tarfile.open(sdist, "w:gz") as archive:
            member = tarfile.TarInfo(f"{stem}/PKG-INFO")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
