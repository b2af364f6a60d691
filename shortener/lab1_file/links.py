"""What a link is, what a store of links promises, and which urls it takes. Pure: no I/O. Lab 1."""

import ipaddress
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

BASE62 = string.digits + string.ascii_letters
RESERVED = ("healthz", "metrics")  # paths of the service that look like an id
ID = f"(?!{'|'.join(RESERVED)})[0-9A-Za-z]{{7}}"
# RFC 3986, section 3.2: [userinfo@]host[:port], where a host is a name, an IPv4 address or a bracketed IPv6 address.
_NAME = r"(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})"
_URL = re.compile(rf"https?://(?:(?:{_NAME}|:)*@)?(?:\[([\da-f:.]+)\]|{_NAME}+)(?::(\d*))?(?:[/?#].*)?", re.I | re.A)


class Unavailable(Exception):  # noqa: N818 - a state, not a mistake
    """What the answer needs is down for now. The message is for the client, who may try again."""


@dataclass(frozen=True, slots=True)
class Link:
    id: str
    url: str
    created_at: datetime


class LinkStore(Protocol):
    """Where links live. Each method answers or raises Unavailable within 4 seconds, whatever has happened."""

    async def add(self, url: str) -> Link: ...  # a new link, durable when this returns

    async def find_url(self, link_id: str) -> str | None: ...


def new_id() -> str:
    """7 characters of base62, 3.5e12 possible ones, from the operating system's cryptographic source."""
    link_id = "".join(secrets.choice(BASE62) for _ in range(7))
    return new_id() if link_id in RESERVED else link_id


def checked_url(url: str) -> str:
    """`url` as it was given. Raises ValueError with a sentence for the client when the service does not take it."""
    if len(url) > 2048:
        raise ValueError("a url has at most 2,048 characters")
    if not url.isascii():
        raise ValueError("a url is ASCII: percent-encode other characters, and write a host's name as punycode (xn--)")
    if not re.fullmatch("[!-~]*", url):
        raise ValueError("a url has no spaces and no control characters: percent-encode them")
    match = _URL.fullmatch(url)
    if not match or int(match[2] or 0) > 65_535:
        raise ValueError("a url is absolute, http or https, with a host and, where it has one, a port up to 65535")
    if match[1]:
        ipaddress.IPv6Address(match[1])  # its ValueError says what is wrong with the address
    return url
