"""`python -m shortener.lab5_failover.regions`: one region, as its variables say, until SIGTERM or SIGINT. Lab 5."""

import logging
import os
import re
import signal
import sys
import time
from collections.abc import Mapping

from starlette.applications import Starlette

from shortener.__main__ import serve
from shortener.lab5_failover.regions.app import create_app
from shortener.lab5_failover.regions.other_region import OtherRegion
from shortener.lab5_failover.regions.region import Region
from shortener.lab5_failover.regions.rules import rule_of
from shortener.lab5_failover.regions.sender import Sender
from shortener.lab5_failover.regions.store import RegionStore

NAME = re.compile(r"[0-9A-Za-z-]{1,32}")  # it stands in a header, between the signs , and :


def wire(settings: Mapping[str, str]) -> Starlette:
    """Raises KeyError for a variable that is missing, ValueError for one that will not do."""
    name, skew = _name(settings, "REGION"), float(settings.get("CLOCK_SKEW") or 0)
    other = OtherRegion(_name(settings, "OTHER_REGION"), settings["OTHER_REGION_URL"])
    store = RegionStore(settings["DATABASE_URL"])
    sender = Sender(store, OtherRegion(other.name, settings["OTHER_REGION_URL"]))

    def clock() -> int:
        """CLOCK_SKEW seconds beside this machine's: as a region whose time service has failed would have it."""
        return int((time.time() + skew) * 1_000_000)

    rule = rule_of(settings["RULE"], (name, other.name))
    return create_app(Region(name, rule, store, other, clock, sender.wake), sender)


def _name(settings: Mapping[str, str], variable: str) -> str:
    name = settings[variable]
    if not NAME.fullmatch(name):
        raise ValueError(f"{variable}={name}: a region is named by letters, digits and hyphens, 32 at most")
    return name


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        app = wire(os.environ)
        host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])
    except KeyError as error:
        sys.exit(f"{error} is not set: a region is configured by variables.")
    except ValueError as error:
        sys.exit(str(error))
    serve(app, host, port)


if __name__ == "__main__":
    main()
