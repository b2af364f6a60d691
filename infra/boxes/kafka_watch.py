"""What `lab connect kafka` opens: the last few events, then each as it arrives: `python -m … HOST:PORT [TOPIC…]`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

_LAST = 10  # of each partition
_PATIENCE = 10.0  # seconds


def watch(servers: str, topics: list[str]) -> None:
    """Print the events of those topics (all, if none is named) until Ctrl-C. It joins no group and commits nothing."""
    from confluent_kafka import Consumer, KafkaException

    settings = {"bootstrap.servers": servers, "group.id": "watch", "enable.auto.commit": False, "log_level": 0}
    consumer = Consumer(settings)
    try:
        places = _places(consumer, topics)
        consumer.assign(places)
        names = sorted({place.topic for place in places})
        print(f"The last events of {', '.join(names)}, then each as it arrives. Ctrl-C ends it.", flush=True)
        while True:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                print(told(message), flush=True)
    except KafkaException as error:
        sys.exit(f"Kafka does not answer ({error.args[0].str()}). Look with `lab status`.")
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # `lab connect kafka | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        consumer.close()


def _places(consumer: Consumer, topics: list[str]) -> list[TopicPartition]:
    """Each partition, a few events before its end."""
    from confluent_kafka import TopicPartition

    known = consumer.list_topics(timeout=_PATIENCE).topics
    wanted = topics or [name for name in known if not name.startswith("__")]
    if missing := [name for name in wanted if name not in known]:
        sys.exit(f"There is no topic {missing[0]}. The topics: {', '.join(sorted(known))}.")
    places = []
    for name in wanted:
        for number in known[name].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=_PATIENCE)
            places.append(TopicPartition(name, number, max(low, high - _LAST)))
    return places


def told(message: Message) -> str:
    """`12:00:01 clicks[2] @17 key value`, what is no text as Python writes bytes."""
    _, milliseconds = message.timestamp()
    at = time.strftime("%H:%M:%S", time.localtime(milliseconds / 1000))
    key, value = message.key(), message.value()
    parts = [_text(key)] if key else []
    return " ".join([at, f"{message.topic()}[{message.partition()}] @{message.offset()}", *parts, _text(value)])


def _text(raw: bytes | str | None) -> str:
    if raw is None:
        return "(nothing)"
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return repr(raw)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # before it listens
        watch(sys.argv[1], sys.argv[2:])
