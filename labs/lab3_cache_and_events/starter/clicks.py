"""A click becomes an event in Kafka, and its redirect does not wait for that. Your part."""


class Clicks:
    def __init__(self, servers):
        # TODO click-event: a confluent_kafka.Producer with events.CLIENT, made once: it sends by threads of its own.
        #      "enable.idempotence": True (sent again, stored once) and "linger.ms": 5 (several in one packet).
        # TODO latency-without-broker: bound what waits while the broker is away ("queue.buffering.max.messages").
        self.servers = servers

    def record(self, link_id):
        """Somebody was redirected. Called after the answer; it neither waits nor raises."""
        # TODO click-event: produce to the topic `clicks` the JSON {"event_id": ..., "link_id": ..., "at": ...}: an id
        #      that no other event has, and the time with its offset from UTC. Call poll(0) now and then.
        # TODO latency-without-broker: a full buffer makes produce() raise BufferError. Drop the click, and count that.

    def close(self):
        """Called at SIGTERM, when all requests are answered."""
        # TODO clicks-service-stopped: what still waits must leave: flush, for a few seconds at most.
