"""Where goods go: one line of an address, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """A place to send goods to."""

    street: str
    town: str
    postcode: str


def lenient(line: str) -> Address:
    """Read `street, postcode town`; a postcode may be missing.

    >>> lenient("Mill Lane 3, 1010 Northport")
    Address(street='Mill Lane 3', town='Northport', postcode='1010')
    >>> lenient("Mill Lane 3, Northport").postcode
    ''
    """
    street, _, place = line.partition(", ")
    first, _, rest = place.partition(" ")
    return Address(street, rest, first) if first.isdigit() else Address(street, place, "")


def strict(line: str) -> Address:
    """Read the same, with a postcode that must be a number.

    >>> strict("Mill Lane 3, 1010 Northport").postcode
    '01010'
    """
    street, place = line.split(", ")
    postcode, town = place.split(" ", 1)
    return Address(street, town, f"{int(postcode):05d}")
