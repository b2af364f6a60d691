"""The Kafka image, official or stand-in, honours what docker-compose.yml and a learner give it (lab 3)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import docker
from infra.runtime.docker import images

pytestmark = pytest.mark.usefixtures("engine")
Start = Callable[..., str]
SMALL = ("--env=KAFKA_HEAP_OPTS=-Xmx192m", "--env=KAFKA_JVM_PERFORMANCE_OPTS=-XX:+UseSerialGC")
NODE = {
    "KAFKA_NODE_ID": "7",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "7@localhost:9093",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://localhost:9092",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_LOG_CLEANER_DEDUPE_BUFFER_SIZE": "33554432",
    "KAFKA_LOG_RETENTION_HOURS": "5",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
}


@pytest.fixture(scope="module")
def image() -> str:
    return images.chosen(images.which())["LAB_KAFKA_IMAGE"]


@pytest.fixture
def start(image: str) -> Iterator[Start]:
    """Starts a container of the image and waits until its port is open; all are removed afterwards."""
    begun: list[str] = []

    def run(*options: str) -> str:
        name = f"lab-kafka-{os.getpid()}-{len(begun)}"
        begun.append(name)
        docker("run", "--detach", "--name", name, *SMALL, *options, image)
        assert eventually(lambda: is_open(name), within=60), docker("logs", name)
        return name

    yield run
    for name in begun:
        docker("rm", "--force", "--volumes", name)


def is_open(name: str) -> bool:
    probe = ["docker", "exec", name, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9092"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def topics(name: str, *words: str) -> str:
    return docker("exec", name, "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "localhost:9092", *words)


def test_without_a_variable_it_is_one_node_on_the_default_cluster(start: Start) -> None:
    name = start("--env=KAFKA_HEAP_OPTS=-Xmx320m")

    assert docker("exec", name, "stat", "-c", "%u %g", "/proc/1") == "1000 1000"
    assert docker("exec", name, "id", "-un") == "appuser"
    assert docker("exec", name, "cat", "/proc/1/comm") == "java"
    kept = docker("exec", name, "cat", "/tmp/kraft-combined-logs/meta.properties")
    assert "cluster.id=5L6g3nShT-eMCtK--X86sw" in kept.splitlines()


def test_variables_become_settings_and_a_second_start_keeps_the_data(start: Start) -> None:
    variables = [f"--env={name}={value}" for name, value in NODE.items()]
    name = start(*variables, "--env=CLUSTER_ID=4L6g3nShT-eMCtK--X86sw")
    settings = docker("exec", name, "cat", "/opt/kafka/config/server.properties").splitlines()
    assert {"log.retention.hours=5", "node.id=7", "log.dirs=/var/lib/kafka/data"} <= set(settings)
    assert not any(line.startswith(("heap.opts", "jvm.")) for line in settings)

    create = ("--create", "--if-not-exists", "--topic", "clicks", "--partitions", "3", "--replication-factor", "1")
    topics(name, *create)
    topics(name, *create)
    docker("restart", "--time=20", name)
    assert eventually(lambda: is_open(name), within=60), docker("logs", name)
    assert topics(name, "--list") == "clicks"
    kept = docker("exec", name, "cat", "/var/lib/kafka/data/meta.properties").splitlines()
    assert {"cluster.id=4L6g3nShT-eMCtK--X86sw", "node.id=7"} <= set(kept)


def test_an_ordinary_users_rights_and_a_read_only_root_are_enough(start: Start) -> None:
    variables = [f"--env={name}={value}" for name, value in NODE.items()]
    writable = ("/opt/kafka/config:uid=1000,gid=1000", "/tmp:exec", "/etc/kafka/secrets", "/mnt/shared/config")
    hardened = ("--user=1000:1000", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
    name = start(*variables, *hardened, *(f"--tmpfs={path}" for path in writable), "--env=LOG_DIR=/tmp")

    # Compressed by native code, which Java unpacks in /tmp and runs from there.
    said = topics(name, "--create", "--topic", "clicks", "--config", "compression.type=zstd")
    assert "Created topic clicks" in said
    script = "echo one | /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic clicks"
    docker("exec", name, "bash", "-c", script)
    read = ("--topic", "clicks", "--from-beginning", "--max-messages", "1", "--timeout-ms", "20000")
    console = "/opt/kafka/bin/kafka-console-consumer.sh"
    assert "one" in docker("exec", name, console, "--bootstrap-server", "localhost:9092", *read).splitlines()


def test_a_setting_that_is_none_ends_it_in_words(image: str) -> None:
    wrong = [f"--env={name}={value}" for name, value in (NODE | {"KAFKA_NODE_ID": "many"}).items()]
    done = subprocess.run(["docker", "run", "--rm", *SMALL, *wrong, image], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "Invalid value many" in done.stdout + done.stderr
