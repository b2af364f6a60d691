"""Numbers its links, in base62."""

import itertools
import string

from checks.broken.spoil import run
from shortener.lab1_file import links

LETTERS = string.digits + string.ascii_letters
numbers = itertools.count(1)


def next_id() -> str:
    number, link_id = next(numbers), ""
    for _ in range(7):
        number, letter = divmod(number, 62)
        link_id = LETTERS[letter] + link_id
    return link_id


links.new_id = next_id
run()
