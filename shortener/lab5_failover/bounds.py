"""Every bound of lab 5's service in one place: what it is, in seconds, and why it is not larger or smaller."""

# How long the server that led last is asked alone. On a quiet machine a connection takes 10 ms; one that hangs must not
# cost a request its 2 s.
HEAD_START = 0.25
# One attempt to connect while the leader is looked for, and the pause before the next one at the same server.
CONNECT = 1.5
AGAIN = 0.1
# Between two looks whether a server leads by now: it adds half of that to a failover of seconds. One query on a
# connection that stays open.
LOOK = 0.05
# A search ends after that; the next request that needs a leader begins another.
SEARCH = 10.0

# A client's token that names a later timeline than the leader's has the leader looked for anew. Anybody can make such a
# token up: so often at most, it costs the others a search.
DOUBT = 1.0

# So long before a write's end the server is asked to give up a commit that waits for its standby. statement_timeout
# does not: it is over when the commit begins.
COMMIT_GRACE = 0.4

# A read waits at most so long for a replica to catch up, and then asks the leader. Replicas lag by some milliseconds;
# longer would be felt by whoever waits, and the leader answers in one.
CATCH_UP = 0.05
PAUSE, LONGEST_PAUSE = 0.002, 0.01  # between two looks whether it has
# A replica that did not catch up in that time is not waited for by others for so long. Otherwise each read beside a
# replica that is held back would pay for the lesson.
LAGS = 0.25
# A replica's answer. A quiet one takes a millisecond; with the leader's 2 s behind it a read stays below 4 s.
REPLICA = 0.5
# So long a redirect that the cache does not know waits for the leader's place in the log; then it reads without it, and
# the cache stays as it is. While nobody leads, REPLICA follows: the balancer gives a GET 1.3 s, and takes a copy that
# needs longer for a broken one.
POSITION = 0.3
# A replica that did not answer, or that leads by now, is left alone for so long. Then one read tries it again.
REST = 1.0
# Connections of one copy to each replica: they are shared by all GETs that wait, as lab 4's to the leader are.
REPLICA_CONNECTIONS = 2
