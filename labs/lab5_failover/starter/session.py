"""What a client has seen, which travels with it: in the header Session-Token, and in a cookie. Your part.

The copies remember nothing of it, so it is a place in the database's log: pg_current_wal_flush_lsn() on the leader,
pg_last_wal_replay_lsn() on a replica. After a failover the log goes on in a new timeline, so that belongs to it too."""

NOTHING = None  # what a client without a token has seen


def asked_in(headers):
    """The place in the log that the client has seen: from Session-Token, or the cookie session-token; None: nothing."""
    # TODO own-writes: the newer of both, when there are both; what is no token is none.
    return NOTHING


def token_headers(asked, seen):
    """For the answer: the later one of what the client had seen and what this answer was read or written at."""
    # TODO own-writes: after a write the place behind its commit, so ask for it after that, in a statement of its own.
    # TODO never-backwards: after a read, too. Who was shown a change must not be shown an older state next, by
    #      another copy and another replica, and he has written nothing.
    return []
