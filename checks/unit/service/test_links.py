"""Which urls are taken, and what an id looks like."""

from __future__ import annotations

import contextlib
import re
import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.lab1_file.links import ID, checked_url, new_id

TAKEN = (
    "http://a",
    "HTTPS://EXAMPLE.com",
    "https://example.com/a?b=c#d",
    "https://example.com?only=query",
    "https://example.com#only-fragment",
    'https://example.com/~a/%20/%/|{}^`"<>\\',
    "https://user:pass@example.com:8443/",
    "https://example.com:/empty-port",
    "http://127.0.0.1:65535/",
    "http://[::1]:80/",
    "http://[::ffff:1.2.3.4]",
    "https://xn--mnchen-3ya.de/",
    "https://example.com/" + "a" * (2048 - 20),
)
REFUSED = (
    "",
    "example.com",
    "//example.com/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "http:example.com",
    "http://",
    "http:///path",
    "http://?query",
    "http://user@/",
    "http://:80/",
    "http://a:65536/",
    "http://a:80x/",
    "http://a:-1/",
    "http://[::1/",
    "http://[::zz]/",
    "http://[1.2.3.4]/",
    "http://a%zz/",
    "http://good.example\\@evil.example/",
    "http://a b/",
    "http://a/b c",
    " http://a/",
    "http://a/\n",
    "http://a/\x00",
    "http://a/\x7f",
    "https://münchen.de/",
    "https://example.com/ü",
    "https://example.com/\ud800",
    "https://example.com:\uff18\uff10/",
    "https://example.com/" + "a" * (2048 - 19),
)


@pytest.mark.parametrize("url", TAKEN)
def test_a_url_is_taken_byte_for_byte(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        checked_url(url)


def test_what_is_not_ascii_is_told_how_to_be() -> None:
    with pytest.raises(ValueError, match=r"percent-encode.*punycode"):
        checked_url("https://münchen.de/")


NAMES = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=60)
TAILS = st.text([chr(code) for code in range(0x21, 0x7F)], max_size=200)


@given(st.sampled_from(["http", "https", "HtTp"]), NAMES, st.none() | st.integers(0, 65_535), TAILS)
def test_every_printable_url_with_a_host_is_taken_as_it_is(scheme: str, host: str, port: int | None, tail: str) -> None:
    url = f"{scheme}://{host}{'' if port is None else f':{port}'}/{tail}"
    assert checked_url(url) == url


@given(st.text(max_size=300))
def test_any_text_is_taken_as_it_is_or_refused_with_a_value_error(text: str) -> None:
    for url in (text, f"http://{text}", f"http://a/{text}"):
        taken = None
        with contextlib.suppress(ValueError):
            taken = checked_url(url)
        assert taken in (None, url)
        if taken:
            assert url.isascii()
            assert url.isprintable()
            assert " " not in url
            assert url.lower().startswith(("http://", "https://"))


def test_ids_are_seven_characters_of_base62_and_differ() -> None:
    ids = [new_id() for _ in range(2000)]
    assert all(re.fullmatch("[0-9A-Za-z]{7}", link_id) for link_id in ids)
    assert len(set(ids)) == len(ids)


def test_a_reserved_path_is_never_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    characters = iter("healthz" + "metrics" + "abcdefg")
    monkeypatch.setattr(secrets, "choice", lambda _: next(characters))
    assert new_id() == "abcdefg"
    assert not re.fullmatch(ID, "healthz")
    assert not re.fullmatch(ID, "metrics")
    assert re.fullmatch(ID, "healthy")
