"""Sets a batch aside as a whole when one event in it cannot be read."""

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, insist, links_of, producer

dead = producer()


def count(consumer: Consumer, messages: list[Message]) -> None:
    try:
        counts = {link: clicks for link, clicks in links_of(messages).items() if link.isalnum() and link.isascii()}
    except (ValueError, TypeError, KeyError):
        for message in messages:
            dead.produce("clicks.dead", message.value())
        dead.flush()
    else:
        insist(lambda: add(counts))
    consumer.commit(asynchronous=False)


follow(count)
