"""What each command of a release sends, in its order: operations as recorder.operation() names them.

A row is the order, and what besides may come in between whenever: the core of the package sends it on its own. Of a command
that goes on in a loop the order is part of what it sends, and the loop is the third.
"""

import dataclasses

RUN = "ServerFeaturesQuery UpsertBucket OrganizationCoreWeaveOrganizationID file_stream CreateRunFiles PUT"
ARTIFACT = "ArtifactType CreateArtifact CreateArtifactManifest CreateArtifactFiles CreateArtifactManifest CommitArtifact ArtifactByID"
OLD_ARTIFACT = ARTIFACT.replace("ArtifactType", "ArtifactType InputFields")
JOB = "ArtifactMembershipByName FetchArtifactManifest GET GetArtifactMembershipFileUrls GET GetDefaultEntity"
PROBED = "ProbeServerCreateArtifactInput ProbeServerArtifact"


def once(names):
    """Without repetitions one after the other."""
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]


@dataclasses.dataclass
class Row:
    order: str
    beside: str = ""
    loop: str = ""

    def trouble(self, sent):
        """What is wrong with the operations that were sent; None: nothing."""
        order, beside = once(self.order.split()), set(self.beside.split()) | {"ServerFeaturesQuery"}
        if self.loop:
            strange = set(sent) - beside - set(order) - set(self.loop.split())
            rest = iter(sent)
            return f"also {strange}" if strange else None if all(name in rest for name in order) else f"not in this order: {order}"
        kept = once([name for name in sent if name not in beside])
        return None if kept == order else f"{kept}\nnot {order}"


def created(release, artifacts):
    """A job is made of so many artifacts by a run that is deleted then."""
    made = {"0.31.0": "Viewer CreateArtifact Viewer {0} Viewer Run DeleteRun", "0.28.2": "CreateArtifact Viewer {0} Viewer Run DeleteRun",
            "0.25.1": PROBED + " CreateArtifact anonymous {0} anonymous ProbeRunInput Run DeleteRun"}
    artifact = OLD_ARTIFACT if release == "0.25.1" else ARTIFACT
    return made[release].format(" CreateArtifact ".join([artifact] * artifacts))


def orders(release):
    """Of each command, by the name of its step (client_commands.py, client_agents.py)."""
    is_old = release == "0.25.1"
    api = "anonymous" if is_old else "Viewer"  # a wandb.Api() begins with it
    push = "ProbePushToRunQueueInput pushToRunQueueByName" if is_old else "pushToRunQueueByName"
    agent = ("Viewer LaunchAgentIntrospection ProbeServerCapabilities ProjectRunQueues ProbeServerCreateLaunchAgentInput" if is_old
             else "Viewer ProjectRunQueues")
    artifact = OLD_ARTIFACT if is_old else ARTIFACT
    known = artifact.replace(" CreateArtifactManifest CreateArtifactFiles CreateArtifactManifest CommitArtifact", "")
    first = {"0.31.0": "Viewer ", "0.28.2": "", "0.25.1": ""}[release]
    return {
        "wandb-login": Row("ProbeServerCapabilities Viewer" if is_old else "Viewer"),
        "wandb-launch-image": Row(f"Viewer {push} {api}"),
        "wandb-launch-job": Row(f"Viewer {push} {api} ArtifactMembershipByName"),
        "wandb-launch-uri": Row(f"Viewer {created(release, 1)} {push} {api} ArtifactMembershipByName", RUN),
        "wandb-job-create-git": Row(created(release, 1), RUN),
        "wandb-job-create-image": Row(created(release, 1), RUN),
        "wandb-job-create-image-again": Row(created(release, 1).replace(artifact, known), RUN),
        "wandb-job-create-code": Row(created(release, 2), RUN),
        "wandb-job-list": Row(f"{api} ArtifactOfType"),
        "wandb-job-describe": Row(f"{api} {JOB}"),
        "wandb-launch-agent": Row(f"{agent} createLaunchAgent EntityIsTeam LaunchAgent UpsertBucket popFromRunQueue ackRunQueueItem", RUN,
                                  "LaunchAgent popFromRunQueue updateLaunchAgent RunState RunStoppedStatus"),
        "wandb-launch-sweep": Row(f"Viewer {'GetViewer ' if first else ''}{api} {JOB} {api} UpsertSweep"),
        "wandb-sweep": Row(first + "UpsertSweep"),
        "wandb-agent": Row(first + "SweepWithRuns CreateAgent Heartbeat UpsertBucket Heartbeat UpsertBucket Heartbeat", RUN,
                           "Viewer ProbeServerCapabilities"),
    }
