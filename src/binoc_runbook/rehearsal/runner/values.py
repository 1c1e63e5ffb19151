"""The values of GitHub's expressions: what is true, what is equal, and how each is written into a text.

From GitHub's page "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

#: What JSON can say.
Value = None | bool | float | str | Sequence["Value"] | Mapping[str, "Value"]


def truth(value: Value) -> bool:
    """What a condition makes of a value: false, 0, an empty text and null are false, a list or an object is true."""
    if is_number(value):
        return value != 0 and value == value  # not a number is not equal to itself
    return value is not None and value is not False and value != ""


def text_of(value: Value) -> str:
    """A value as it is written into a text; a list or an object is only named."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | int):
        return f"{value:.15g}"
    if isinstance(value, str):
        return value
    return "Object" if isinstance(value, Mapping) else "Array"


def same(left: Value, right: Value) -> bool:
    """GitHub's `==`: texts without regard to case, values of different kinds as numbers, objects only with itself."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if is_compound(left) or is_compound(right):
        return left is right
    if type(left) is type(right):
        return left == right
    return number(left) == number(right)


def is_number(value: Value) -> bool:
    """Whether it is a number; true and false are none."""
    return isinstance(value, float | int) and not isinstance(value, bool)


def is_compound(value: Value) -> bool:
    """Whether it is a list or an object."""
    return isinstance(value, list | Mapping)


def number(value: Value) -> float:
    """What a comparison of different kinds makes of a value; not a number where it says none."""
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[-+]?0(?:x[0-9a-fA-F]+|o[0-7]+)", text):
            return float(int(text, 0))
        is_one = re.fullmatch(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|", text)
        return float(text or 0) if is_one else math.nan
    return float(value or 0) if isinstance(value, float | int | None) else math.nan
