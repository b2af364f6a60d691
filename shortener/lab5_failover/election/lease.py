"""What a lease promises, whoever keeps it: Redis (redis_lease.py) or etcd (etcd_lease.py). Lab 5."""

from typing import Protocol


class LeaseAway(Exception):  # noqa: N818 - a state of the server, not a mistake
    """The server that keeps the lease did not answer, so nobody knows whether it did what it was asked."""


class Lease(Protocol):
    """One lease, wanted by several nodes: the server gives it to one of them, for `seconds` from when it was asked."""

    @property
    def seconds(self) -> float:
        """How long it holds without being renewed. etcd gives no less than its own least, whatever was asked."""

    def acquire(self) -> int | None:
        """The fencing token of this term, greater than that of every term before; None while another node holds the
        lease. Raises LeaseAway."""

    def renew(self) -> bool:
        """Whether it is still this node's, and held for `seconds` more. Raises LeaseAway."""

    def release(self) -> None:
        """Give it back if it is still this node's, so that another need not wait for its end. Raises LeaseAway."""
