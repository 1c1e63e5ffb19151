"""The form that an upload to a package index is: a few fields and one file.

Not by `email.parser`, which is made for text and takes a line end inside a wheel for one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser


@dataclass(frozen=True, slots=True)
class Form:
    """The fields by name, each with all its values, and the files by field with the name that each was given."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """The first value of a field, empty when there is none."""
        return self.fields.get(name, [""])[0]


def parse(content_type: str, body: bytes) -> Form:
    """The form in a `multipart/form-data` body; from RFC 7578.

    Raises:
        ValueError: The body is not of that form.
    """
    outer = Message()
    outer["Content-Type"] = content_type
    boundary = outer.get_param("boundary")
    if outer.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not boundary:
        raise ValueError("not a form")
    # The first boundary has no line end before it; with one added, all are alike.
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise ValueError("the form is not complete")
    form = Form()
    for part in parts[1:-1]:
        head, found, content = part.partition(b"\r\n\r\n")
        if not found:
            raise ValueError("a part without an end of its headers")
        headers = HeaderParser().parsestr(head.decode().strip())
        name = headers.get_param("name", header="Content-Disposition")
        if not isinstance(name, str):
            raise ValueError("a part without a name")
        file_name = headers.get_filename()
        if file_name is None:
            form.fields.setdefault(name, []).append(content.decode())
        else:
            form.files[name] = (file_name, content)
    return form
