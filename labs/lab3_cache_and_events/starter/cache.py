"""The links in Redis, before Postgres. Your part: each TODO begins with the check that waits for it."""

import contextlib

import redis


class Cache:
    def __init__(self, store, url):
        # A call to Redis is answered soon or not at all: nobody shall wait for a cache longer than for the database.
        self.redis = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.25, socket_connect_timeout=0.25)
        self.store = store

    def find_url(self, link_id):
        """Where that id leads, or None: from Redis when it knows, else from Postgres."""
        # TODO hit-rate: look into Redis first; what Postgres had to be asked for is kept there.
        # TODO cache-ttl: for a minute or so (PX, in milliseconds), and not for each link exactly as long.
        # TODO unknown-id: None is an answer too. Keep it for a few seconds.
        # TODO hot-key: forty threads (or copies of you) miss at once. One of them shall ask Postgres, the others wait
        #      for what it fills in. SET key TOKEN NX PX 3000 makes one of them the one: its token is a lease.
        # TODO change-races-fill: fill the key only if your lease still lies there (SET ... IFEQ TOKEN, or a script).
        # TODO redis-down: redis.RedisError: ask Postgres. And then leave Redis alone for a second, or each redirect
        #      waits for it anew.
        # TODO database-spared: threads that ask Postgres for the same link at the same time share one answer.
        return self.store.find_url(link_id)

    @contextlib.contextmanager
    def changing(self, link_id):
        """Around a change in Postgres: once it is left, no redirect follows what was there before."""
        # TODO change-at-once: delete the key after the commit.
        # TODO change-races-fill: somebody read the old row just before the commit, and fills after your delete. What
        #      must lie under the key meanwhile, so that this fill is refused?
        # TODO redis-paused: if Redis cannot be told before the commit, raise Unavailable and change nothing: it will
        #      come back one day, with the old url in it.
        yield

    def top(self, limit):
        """The most clicked links, most clicked first, each {"id", "url", "clicks"}."""
        # TODO top: what toplist.py keeps (ZRANGE ... REV WITHSCORES), with the urls from Postgres.
        raise NotImplementedError("GET /stats/top is still to be written: TODO top in cache.py")
