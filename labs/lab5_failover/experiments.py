"""Lab 5's failures: of the leader, of etcd, of replication, of an election, and of two regions that both write."""

from __future__ import annotations

from infra.experiment.experiment import Experiment
from labs.lab5_failover.elections import etcd_lease, fencing_token, two_leaders
from labs.lab5_failover.leader_experiments import (
    etcd_killed,
    host_killed,
    leader_cut_from_etcd,
    leader_paused,
    only_patroni_killed,
    only_postgres_killed,
)
from labs.lab5_failover.region_experiments import experiments_of_regions
from labs.lab5_failover.replication_experiments import asynchronous_loss, lagging_replica


def experiments() -> tuple[Experiment, ...]:
    return (
        host_killed(),
        only_postgres_killed(),
        only_patroni_killed(),
        leader_paused(),
        leader_cut_from_etcd(),
        etcd_killed(),
        lagging_replica(),
        asynchronous_loss(),
        two_leaders(),
        fencing_token(),
        etcd_lease(),
        *experiments_of_regions(),
    )
