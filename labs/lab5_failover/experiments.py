"""Lab 5's failures: a leader that was paused past its lease."""

from __future__ import annotations

from infra.experiment.experiment import Experiment
from labs.lab5_failover.elections import etcd_lease, fencing_token, two_leaders


def experiments() -> tuple[Experiment, ...]:
    return (
        two_leaders(),
        fencing_token(),
        etcd_lease(),
    )
