"""Reads that a replica may answer. Your part: until it is written, the leader answers all of them."""


class Reads:
    def __init__(self, connections, replica_url):
        self.connections = connections  # to the leader
        self.replica_url = replica_url  # DATABASE_REPLICA_URL: all servers, a standby preferred

    def query(self, sql, values=()):
        """The rows of one SELECT, as new as the client needs them (session.py)."""
        # TODO replica-share: a pool for the replicas beside the leader's, bounded in time as that one is: one that
        #      does not answer is left alone, and the leader asked. Most reads must not reach the leader.
        # TODO own-writes: a replica may answer when it has replayed what the token names. Ask it first, in a statement
        #      of its own (pg_last_wal_replay_lsn()), then read: the other way round it may catch up in between. Not
        #      yet there? Wait a little (50 ms in all), then ask the leader.
        # TODO misses-on-replicas: a redirect that the cache does not know reads here, too.
        # TODO cache-and-replicas: "there is no such link" is believed of the leader alone.
        return self.connections.query(sql, values)
