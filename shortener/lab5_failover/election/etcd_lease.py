"""A lease in etcd: a key that one transaction makes only where there is none, and that goes with its lease. Lab 5.

The token is the revision in which the key was made. Every change of the whole etcd has a greater revision than all
before, so nobody needs to keep a counter beside it."""

import math

from shortener.lab5_failover.election.etcd_gateway import EtcdGateway

KEY = "/leader/sweep"


class EtcdLease:
    """See Lease."""

    def __init__(self, etcd: EtcdGateway, seconds: float, node: str) -> None:
        self._etcd, self._wanted, self._node = etcd, math.ceil(seconds), node
        self.seconds = seconds
        self._lease = ""

    def acquire(self) -> int | None:
        if self._etcd.is_there(KEY):
            return None
        self._lease, self.seconds = self._etcd.grant(self._wanted)
        token = self._etcd.put_if_absent(KEY, self._node, self._lease)
        if token is None:  # another one was quicker
            self._etcd.revoke(self._lease)
        return token

    def renew(self) -> bool:
        return self._etcd.keep_alive(self._lease)

    def release(self) -> None:
        self._etcd.revoke(self._lease)
