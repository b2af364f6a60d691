"""Believes a client that says which address it has."""

from starlette.types import Scope

from checks.broken.spoil import run
from shortener.lab4_many_copies import rate_limit

client_address = rate_limit.client_address


def believed(scope: Scope) -> str:
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-real-ip"]
    return told[0] if told else client_address(scope)


rate_limit.client_address = believed
run()
