"""Takes whatever calls itself a url."""

from checks.broken.spoil import run
from shortener.lab1_file import links


def unchecked(url: str) -> str:
    return url


links.checked_url = unchecked
run()
