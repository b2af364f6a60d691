"""Delays the packets of netfilter queues, both ways alike: `python delay.py QUEUE:SECONDS …`, one thread a queue.

Runs inside the network namespace of a box whose kernel need not know `netem`. The messages are those of the kernel's
linux/netfilter/nfnetlink_queue.h. When it ends, `--queue-bypass` in the rule lets packets pass as before."""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator

NETLINK_NETFILTER = 12
SUBSYSTEM = 3 << 8  # NFNL_SUBSYS_QUEUE
PACKET, CONFIG, VERDICT_BATCH = SUBSYSTEM | 0, SUBSYSTEM | 2, SUBSYSTEM | 3
REQUEST, ACKNOWLEDGE, ERROR = 1, 4, 2
ACCEPT = 1
HEADER = struct.Struct("=IHHII")


def message(kind: int, flags: int, queue: int, attribute: int, content: bytes) -> bytes:
    """One netlink message about `queue` with one attribute."""
    padded = struct.pack("=HH", 4 + len(content), attribute) + content + b"\0" * (-len(content) % 4)
    body = struct.pack("!BBH", 0, 0, queue) + padded
    return HEADER.pack(HEADER.size + len(body), kind, flags, 0, 0) + body


def bind(queue: int) -> socket.socket:
    """A socket that receives the queue's packets, their heads alone. Raises OSError where the kernel has no queues."""
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    link.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), 1 << 23)
    link.bind((0, 0))
    settings = (
        (1, struct.pack("!BBH", 1, 0, socket.AF_INET)),  # NFQA_CFG_CMD: bind
        (2, struct.pack("!IB", 0, 1)),  # NFQA_CFG_PARAMS: copy no payload
        (3, struct.pack("!I", 1 << 16)),  # NFQA_CFG_QUEUE_MAXLEN
    )
    for attribute, content in settings:
        link.send(message(CONFIG, REQUEST | ACKNOWLEDGE, queue, attribute, content))
        acknowledge(link)
    return link


def acknowledge(link: socket.socket) -> None:
    answer = link.recv(65536)
    _, kind, _, _, _ = HEADER.unpack_from(answer)
    number = struct.unpack_from("=i", answer, HEADER.size)[0] if kind == ERROR else 0
    if number:
        raise OSError(-number, "the kernel refuses a packet queue")


def packets(data: bytes) -> Iterator[int]:
    """The ids of the packets in a run of netlink messages."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        attribute, end = at + HEADER.size + 4, at + length
        while kind == PACKET and attribute + 4 <= end:
            size, name = struct.unpack_from("=HH", data, attribute)
            if name & 0x7FFF == 1:  # NFQA_PACKET_HDR
                yield struct.unpack_from("!I", data, attribute + 4)[0]
                break
            attribute += (size + 3) & ~3
        at += (length + 3) & ~3


def delay(link: socket.socket, queue: int, seconds: float) -> None:
    """Let each packet of the queue go `seconds` after it came, in order. Never returns."""
    waiting: deque[tuple[float, int]] = deque()
    while True:
        pause = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
        if select.select([link], [], [], pause)[0]:
            try:
                data = link.recv(1 << 17)
            except OSError:  # more packets than the socket holds: those are lost, as on a full link
                data = b""
            due = time.monotonic() + seconds
            waiting.extend((due, number) for number in packets(data))
        last = None
        while waiting and waiting[0][0] <= time.monotonic():
            last = waiting.popleft()[1]
        if last is not None:  # a batch verdict answers for every packet up to that id
            link.send(message(VERDICT_BATCH, REQUEST, queue, 2, struct.pack("!II", ACCEPT, last)))


def main(arguments: list[str]) -> None:
    pairs = [(int(queue), float(seconds)) for queue, seconds in (each.split(":") for each in arguments)]
    links = [bind(queue) for queue, _ in pairs]
    for link, (queue, seconds) in zip(links, pairs, strict=True):
        threading.Thread(target=delay, args=(link, queue, seconds), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
