"""A real Apache Kafka (one node, KRaft mode) as a plain process of Java, with the settings of the compose file."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from infra.boxes.kafka_java import HEAP, Java
from infra.boxes.kafka_settings import LOG4J, as_properties, settings
from infra.boxes.native import Plan, Progress
from infra.compose.box import Box
from infra.errors import LabError


class KafkaBox:
    """See NativeBox."""

    stop_signal = signal.SIGTERM
    leader_only = True
    tells_addresses = True

    def variables(self, port: int) -> dict[str, str]:
        return {}

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Fetch what it needs, write its settings, and format its folder unless that was done before."""
        java, data = Java.found(plan.cache, progress), _data(plan)
        plan.work.mkdir(parents=True, exist_ok=True)
        data.mkdir(parents=True, exist_ok=True)
        (plan.work / "log4j2.properties").write_text(LOG4J)
        wanted = settings(plan, data)
        (plan.work / "server.properties").write_text(as_properties(wanted))
        if not (data / "meta.properties").exists():
            format_folder(java, plan.work, data, wanted.get("node.id", "1"))

    def command(self, plan: Plan) -> list[str] | None:
        java = Java.found(plan.cache, lambda _: None)
        heap = tuple(plan.environment.get("KAFKA_HEAP_OPTS", "").split()) or HEAP
        place = str(plan.work / "server.properties")
        return java.command("kafka.Kafka", place, work=plan.work, heap=heap, aot=java.aot_flag())

    def folder(self, plan: Plan) -> Path:
        return plan.work

    def obstacle(self, plan: Plan) -> str:
        """Asked as a client asks first of all: which brokers are there?"""
        try:
            socket.create_connection(("127.0.0.1", plan.port), timeout=2.0).close()
        except OSError as error:
            return f"it does not listen yet ({error})"
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{plan.port}", "log_level": 0, "socket.timeout.ms": 2000})
        try:
            brokers = client.list_topics(timeout=2.0).brokers
        except KafkaException as error:
            return f"it does not tell its topics ({error.args[0].str()})"
        return "" if brokers else "it knows no broker yet"

    def afterwards(self, plan: Plan) -> list[str] | None:
        if Java.found(plan.cache, lambda _: None).aot_flag():
            return None
        return [sys.executable, "-m", "infra.boxes.kafka_aot", str(plan.cache)]

    def client(self, plan: Plan) -> list[str]:
        return [sys.executable, "-m", "infra.boxes.kafka_watch", f"127.0.0.1:{plan.port}"]

    def client_inside(self, box: Box) -> list[str]:
        here = ["--bootstrap-server", f"{box.name}:9092"]
        return ["/opt/kafka/bin/kafka-console-consumer.sh", *here, "--topic", "clicks", "--from-beginning"]

    def tidy(self, plan: Plan) -> None:
        """Whatever it unpacks is in its work folder."""

    def can_fill(self) -> str:
        return "Kafka makes files of 10 MB ahead of their use, so a limit on their length would leave it room to write"


def format_folder(java: Java, work: Path, data: Path, node: str) -> None:
    """Make `data` the folder of a new cluster. `work` holds server.properties and log4j2.properties.

    What the formatting tool writes is kept, as it takes a second; only the identifiers differ from one to another."""
    template = java.cache / "kafka" / f"format-{java.aot_file.stem.partition('-')[2]}-{node}.checkpoint"
    if not template.exists():
        scratch = work / "formatted"
        shutil.rmtree(scratch, ignore_errors=True)
        place = work / "format.properties"
        text = (work / "server.properties").read_text()
        place.write_text(re.sub(r"(?m)^log\.dirs=.*$", lambda _: f"log.dirs={scratch}", text))
        words = ("format", "--cluster-id", _identifier(), "--config", str(place))
        done = subprocess.run(
            java.command("kafka.tools.StorageTool", *words, work=work), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = " ".join((done.stderr + done.stdout).split())[-400:]
            raise LabError(f"Kafka's folder could not be formatted ({said}). Look for a full disk with `df -h .lab`.")
        (scratch / "bootstrap.checkpoint").replace(template)
    shutil.copyfile(template, data / "bootstrap.checkpoint")
    meta = f"version=1\nnode.id={node}\ncluster.id={_identifier()}\ndirectory.id={_identifier()}\n"
    scratch_meta = data.with_name(f".{data.name}.meta")
    scratch_meta.write_text(meta)
    scratch_meta.replace(data / "meta.properties")  # last: whoever finds it finds a formatted folder


def _identifier() -> str:
    """A random one in Kafka's spelling: 22 characters that do not begin with a dash."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _data(plan: Plan) -> Path:
    return next(iter(plan.folders.values()), plan.work / "data")
