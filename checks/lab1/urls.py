"""Urls that the contract takes and urls that it refuses, each for a reason that the contract names."""

from __future__ import annotations

KEPT = (
    "http://example.com",
    "https://example.com/",
    "http://EXAMPLE.com/Path",
    "http://example.com:80/",
    "https://example.com/a/../b/./c//d",
    "https://example.com/%7euser/a%2fb?x=%20&y=1+2&&z#frag%41",
    "https://example.com/?next=https://example.org/?q=1",
    "https://user:secret@example.com:8443/",
    "http://[2001:db8::1]:8080/",
    "https://example.com/{a}|b^c`d\"e'f<g>",
    "https://xn--bcher-kva.example/?q=%C3%A9",
    "https://example.com/" + "a" * (2048 - 20),
)

REFUSED = (
    ("", "empty"),
    ("example.com", "not absolute"),
    ("/relative", "not absolute"),
    ("//example.com/", "no scheme"),
    ("ftp://example.com/", "not http(s)"),
    ("javascript:alert(1)", "not http(s)"),
    ("http://", "no host"),
    ("http:///path", "no host"),
    ("http://:80/", "no host"),
    ("https://?q=1", "no host"),
    ("http://example.com:port/", "a port that does not parse"),
    ("http://example.com:99999/", "a port that does not parse"),
    ("http://[::1/", "a host that does not parse"),
    ("http://[zzz]/", "a host that does not parse"),
    ("http://example.com/a b", "a space"),
    (" http://example.com/", "a space"),
    ("http://example.com/\r\nSet-Cookie: a=b", "control characters"),
    ("http://example.com/\n", "a control character at the end"),
    ("http://example.com/\x00", "a control character"),
    ("http://example.com/\x7f", "a control character"),
    ("http://example.com/é", "beyond ASCII"),
    ("http://bücher.example/", "beyond ASCII"),
    ("http://example.com/\ud800", "half a surrogate pair"),
    ("https://example.com/" + "a" * (2049 - 20), "2,049 characters"),
)
