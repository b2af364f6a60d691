"""Lab 3's failures: the cache away, a hot key that expires, a delete that races a fill; the broker, the worker and the
service killed while clicks are counted; an event that nobody understands, and a worker that is too slow."""

from __future__ import annotations

from infra.experiment.experiment import Experiment
from labs.lab3_cache_and_events.deleted_link import deleted_link
from labs.lab3_cache_and_events.hot_key import hot_key
from labs.lab3_cache_and_events.kill_app import kill_app
from labs.lab3_cache_and_events.kill_kafka import kill_kafka
from labs.lab3_cache_and_events.kill_redis import kill_redis
from labs.lab3_cache_and_events.kill_worker import kill_worker
from labs.lab3_cache_and_events.poison import poison
from labs.lab3_cache_and_events.slow_worker import slow_worker


def experiments() -> tuple[Experiment, ...]:
    return (
        kill_redis(),
        hot_key(),
        kill_kafka(),
        kill_worker(),
        kill_app(),
        slow_worker(),
        poison(),
        deleted_link(),
    )
