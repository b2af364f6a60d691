"""POSTs that are under way when the leader is struck: their clients hear nothing, and send them again. Lab 5.

Commits wait for a standby whose confirmations come late meanwhile: so there are always POSTs whose link the standby
has, and whose client does not know it yet."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from checks.eventually import eventually
from checks.lab3.idempotent import fresh_key, fresh_url, links_to, post_once
from checks.plugin.service import NoAnswer
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect
from infra.failover.change import Change
from infra.failover.cluster import look

LATE = 0.2  # seconds that the log takes longer to the standby, and its confirmation back
CLIENTS = 6
AGAIN = 10.0  # seconds for a POST that is sent again until it is acknowledged
LOOKED_AT = 24  # POSTs at most that are sent again
_PACE = 0.1  # seconds between two tries of one that failed


@dataclass
class Post:
    """One POST with a key; on the monotonic clock. `link_id` None: it was not acknowledged."""

    url: str
    key: str
    began: float
    ended: float = 0.0
    link_id: str | None = None


@dataclass
class UnderWay:
    """What the clients sent."""

    stand: Stand
    posts: list[Post] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def clients(self) -> Iterator[None]:
        """They send one after the other from before the block, by when each has had an answer, to its end."""
        runtime = self.stand.runtime
        cluster = look(runtime)
        for name in cluster.standbys:
            runtime.slow(name, str(cluster.leader), LATE)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._send) for _ in range(CLIENTS)]
            try:
                eventually(lambda: len([post for post in self.posts if post.link_id]) >= CLIENTS, within=AGAIN)
                yield
            finally:
                self._ended.set()
        for client in clients:
            client.result()

    def _send(self) -> None:
        while not self._ended.is_set():
            post = Post(fresh_url(), fresh_key(), time.monotonic())
            self.posts.append(post)
            post.link_id = self._posted(post)
            post.ended = time.monotonic()
            if post.link_id is None:
                self._ended.wait(_PACE)

    def _posted(self, post: Post) -> str | None:
        with contextlib.suppress(NoAnswer):
            answer = post_once(self.stand.service, post.url, post.key)
            return str(answer.json()["id"]) if answer.status == 201 else None
        return None

    def cut_off(self, change: Change) -> list[Post]:
        """The first of those that the change caught: begun before the old leader's lease was gone, and not answered in
        order before. Under load the kill itself takes longer than a POST."""
        gone = change.promoted if change.free is None else change.free
        here = [post for post in self.posts if post.began < gone and post.ended > change.began]
        return [post for post in here if post.link_id is None or post.ended > gone][:LOOKED_AT]

    def expect_once(self, change: Change, did: str) -> int:
        """Each POST that was cut off, sent again with its key, makes one link; how many there were."""
        cut_off = self.cut_off(change)
        for post in cut_off:
            again = eventually(lambda: self._posted(post), within=AGAIN, every=_PACE)  # noqa: B023 - called here
            expected = f"201 within {AGAIN:g} s for a POST that was under way and is sent again with its key"
            expect(again, did=did, expected=expected, got="none")
            found = links_to(self.stand.service, post.url)
            got = f"{len(found)} links to {post.url}: {', '.join(found)}"
            expect(len(found) == 1, did=did, expected="one link for each Idempotency-Key", got=got)
            expected = f"the link that was acknowledged for its Idempotency-Key, {post.link_id}"
            expect(post.link_id in (None, again), did=did, expected=expected, got=again)
        self._expect_kept(did)
        return len(cut_off)

    def _expect_kept(self, did: str) -> None:
        """What was acknowledged until then is there: these are the last links that the old leader took."""
        made = [post.link_id for post in self.posts if post.link_id]
        lost: list[str] = []

        def kept() -> bool:
            lost[:] = [link for link in made if not self._is_there(link)]
            return not lost

        eventually(kept, within=AGAIN, every=_PACE)
        got = f"{len(lost)} of {len(made)} lost, such as {lost[0]}" if lost else ""
        expect(not lost, did=did, expected="every acknowledged link: 201 means that another node has it too", got=got)

    def _is_there(self, link: str) -> bool:
        with contextlib.suppress(NoAnswer):
            return self.stand.service.get(f"/links/{link}").status == 200
        return False
