"""The native Kafka: its settings, a listener for each client, its return after a kill, and its ahead-of-time cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checks.unit.infra.helpers import soon
from checks.unit.kafka import running_kafka
from checks.unit.native import plan_for, running, start
from infra import project as places
from infra.boxes.kafka import KafkaBox
from infra.boxes.kafka_java import Java
from infra.boxes.kafka_settings import as_properties, from_environment, settings
from infra.boxes.native import Entrance, Plan
from infra.boxes.topics import make_topics, read_topics
from infra.errors import LabError
from infra.project import COMPOSE_FILE, ROOT
from infra.stage import read_stage


def kafka_plan(folder: Path, **more: str) -> Plan:
    box = read_stage(COMPOSE_FILE, frozenset({"lab-3"}), {}).box("kafka")
    return plan_for(box, folder, {**box.environment, **more}, 9094, 9092, 9093)


def partitions(address: str) -> dict[str, int]:
    from confluent_kafka.admin import AdminClient

    topics = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}


def test_variables_become_settings_as_in_the_official_image() -> None:
    given = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_A__B___C": "x",
        "KAFKA_HEAP_OPTS": "-Xmx1g",
        "KAFKA_LOG4J_OPTS": "",
        "HOME": "",
    }
    assert from_environment(given) == {"node.id": "1", "a_b-c": "x"}
    assert as_properties({"a": "b\\c"}) == "a=b\\\\c\n"


def test_each_client_gets_a_listener_that_tells_it_its_own_way(tmp_path: Path) -> None:
    plan = kafka_plan(tmp_path)
    plan = replace(plan, entrances=(Entrance(9092, 1001, 2001), Entrance(9092, 1002, 2002)))
    found = settings(plan, tmp_path / "data")
    boxes, controller, host = (f"127.0.0.1:{plan.ports[port]}" for port in (9092, 9093, 9094))
    assert found["listeners"].split(",") == [
        *(f"BOXES://{boxes}", f"CONTROLLER://{controller}", f"HOST://{host}"),
        *("BOXES_1://127.0.0.1:1001", "BOXES_2://127.0.0.1:1002"),
    ]
    assert found["advertised.listeners"].split(",") == [
        *(f"BOXES://{boxes}", f"HOST://{host}", "BOXES_1://127.0.0.1:2001", "BOXES_2://127.0.0.1:2002"),
    ]
    assert found["listener.security.protocol.map"].endswith("BOXES_1:PLAINTEXT,BOXES_2:PLAINTEXT")
    assert found["controller.quorum.voters"] == f"1@{controller}"
    assert found["log.dirs"] == str(tmp_path / "data")
    assert found["broker.session.timeout.ms"] == "1500"


def test_a_port_that_the_file_does_not_name_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"kafka listens on port 9095, which .* Add it to its `expose`"):
        settings(kafka_plan(tmp_path, KAFKA_LISTENERS="BOXES://:9095"), tmp_path)
    with pytest.raises(LabError, match="is no listener"):
        settings(kafka_plan(tmp_path, KAFKA_LISTENERS="nonsense"), tmp_path)
    plan = replace(kafka_plan(tmp_path, KAFKA_LISTENERS="HOST://:9094"), entrances=(Entrance(9092, 1, 2),))
    with pytest.raises(LabError, match=r"has no listener on port 9092\. Add one to KAFKA_LISTENERS"):
        settings(plan, tmp_path)


def test_topics_are_made_once_and_grow(tmp_path: Path) -> None:
    with running_kafka(tmp_path, {"one": 1}) as (address, _):
        assert partitions(address) == {"one": 1}
        for _ in range(2):
            make_topics(address, {"one": 2, "more": 3})
            assert partitions(address) == {"one": 2, "more": 3}
        step = [sys.executable, "-m", "infra.boxes.topics"]
        environment = {"KAFKA_BOOTSTRAP_SERVERS": address, "TOPICS": "more:3 last:1", "PATH": ""}
        done = subprocess.run(step, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "topics: more (3 partitions), last (1 partitions)\n")
        assert partitions(address) == {"one": 2, "more": 3, "last": 1}


def test_topics_of_a_broker_that_is_not_there_are_not_waited_for_without_end() -> None:
    with pytest.raises(LabError, match=r"could not be made within 0 s .* `lab logs kafka`"):
        make_topics("127.0.0.1:9", {"one": 1}, seconds=0)


@pytest.mark.parametrize("text", ["", "clicks", "clicks:0", "clicks:x", ":3"])
def test_topics_that_are_none(text: str) -> None:
    with pytest.raises(LabError, match="clicks:3"):
        read_topics(text)


def test_a_killed_broker_comes_back_with_everything_it_acknowledged(tmp_path: Path) -> None:
    from confluent_kafka import Consumer, Producer

    plan = kafka_plan(tmp_path)
    address = f"127.0.0.1:{plan.port}"
    with running(plan) as process:
        assert (process.memory() or 0) < 300 << 20
        make_topics(address, {"kept": 1})
        producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
        for number in range(1000):
            producer.produce("kept", str(number).encode())
        assert producer.flush(30) == 0
        process.kill()
        assert "does not listen yet" in KafkaBox().obstacle(plan)
        # The remains of a broker that is no more, as after a reboot: its lock, and a file of another life.
        assert (plan.folders["/data"] / ".lock").exists()
        start(plan, process)
        soon(lambda: not KafkaBox().obstacle(plan), within=60)
        consumer = Consumer({"bootstrap.servers": address, "group.id": "all", "auto.offset.reset": "earliest"})
        consumer.subscribe(["kept"])
        found: list[object] = []
        deadline = time.monotonic() + 60
        while len(found) < 1000 and time.monotonic() < deadline:
            found += [message.value() for message in consumer.consume(1000, timeout=0.5) if not message.error()]
        consumer.close()
        assert found == [str(number).encode() for number in range(1000)]
        process.stop(KafkaBox.stop_signal, 30, leader_only=True)
        assert "shut down completely" in (tmp_path / "log").read_text()


def test_a_folder_that_was_left_half_made_is_made_whole(tmp_path: Path) -> None:
    plan = kafka_plan(tmp_path)
    data = plan.folders["/data"]
    data.mkdir()
    (data / "bootstrap.checkpoint").write_bytes(b"half")
    with running(plan):
        assert "cluster.id=" in (data / "meta.properties").read_text()


def test_two_clusters_have_names_of_their_own(tmp_path: Path) -> None:
    names = []
    for folder in ("one", "two"):
        plan = kafka_plan(tmp_path / folder)
        KafkaBox().prepare(plan, print)
        names.append((plan.folders["/data"] / "meta.properties").read_text())
    assert names[0] != names[1]


def test_a_damaged_or_stale_cache_is_not_used(tmp_path: Path) -> None:
    jars = places.LAB_HOME / "cache" / "kafka" / "jars"
    shutil.copytree(jars, tmp_path / "kafka" / "jars")
    java = Java.found(tmp_path, print)
    assert java.aot_flag() == ""
    made = tmp_path / "made"
    made.write_bytes(b"a cache" * 1000)
    java.keep_aot(made)
    assert java.aot_flag() == f"-XX:AOTCache={java.aot_file}"
    java.aot_file.write_bytes(b"another" * 1000)
    assert java.aot_flag() == ""
    (java.jars[0]).touch()
    assert Java.found(tmp_path, print).aot_file != java.aot_file


def test_the_way_to_the_cache_is_said_only_while_there_is_none(tmp_path: Path) -> None:
    plan = replace(kafka_plan(tmp_path / "box"), cache=tmp_path)
    shutil.copytree(places.LAB_HOME / "cache" / "kafka" / "jars", tmp_path / "kafka" / "jars")
    assert KafkaBox().afterwards(plan) == [sys.executable, "-m", "infra.boxes.kafka_aot", str(tmp_path)]
    java, made = Java.found(tmp_path, print), tmp_path / "made"
    made.write_bytes(b"a cache")
    java.keep_aot(made)
    assert KafkaBox().afterwards(plan) is None
    assert f"-XX:AOTCache={java.aot_file}" in (KafkaBox().command(plan) or [])
