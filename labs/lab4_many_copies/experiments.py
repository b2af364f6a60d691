"""Lab 4's failures: a copy killed, a copy that hangs, a slow Redis, a flood, a storm of retries, a deploy under load,
the database deleted, and the balancer itself killed."""

from __future__ import annotations

from infra.experiment.experiment import Experiment
from labs.lab4_many_copies.flood import flood_of_posts
from labs.lab4_many_copies.hanging_copy import hanging_copy
from labs.lab4_many_copies.kill_balancer import kill_balancer
from labs.lab4_many_copies.kill_copy import kill_copy
from labs.lab4_many_copies.lost_database import lost_database
from labs.lab4_many_copies.retry_storm import retry_storm
from labs.lab4_many_copies.rolling_restart import rolling_restart
from labs.lab4_many_copies.slow_redis import slow_redis


def experiments() -> tuple[Experiment, ...]:
    return (
        kill_copy(),
        hanging_copy(),
        slow_redis(),
        flood_of_posts(),
        retry_storm(),
        rolling_restart(),
        lost_database(),
        kill_balancer(),
    )
