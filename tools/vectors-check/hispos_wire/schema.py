"""The strict messages and their bounds, read from the project's .proto files."""

import re
from dataclasses import dataclass, field
from pathlib import Path

SCALARS = {"uint32", "uint64", "sint32", "sint64", "bool", "string", "bytes"}
PROTO_DIR = Path(__file__).resolve().parents[3] / "proto" / "hispos" / "v1"


@dataclass
class Field:
    name: str
    number: int
    type: str  # a scalar, "enum", or "message"
    message: str | None = None
    repeated: bool = False
    required: bool = False
    min: int = 0
    max: int | None = None
    count: int | None = None
    text_class: str | None = None

    @property
    def packed(self) -> bool:
        return self.repeated and self.type not in ("string", "bytes", "message")

    @property
    def wire_type(self) -> int:
        return 2 if self.packed or self.type in ("string", "bytes", "message") else 0


@dataclass
class Message:
    name: str
    strict: bool = False
    fields: dict[int, Field] = field(default_factory=dict)


_FIELD = re.compile(r"^(repeated )?([A-Za-z0-9_.]+) (\w+) = (\d+)(?: \[\(bounds\) = \{(.*)\}\])?;$")


def load(directory: Path = PROTO_DIR) -> dict[str, Message]:
    """Every message of the package. One statement a line is all that the project's schemas use."""
    messages: dict[str, Message] = {}
    enums: set[str] = set()
    for path in sorted(directory.glob("*.proto")):
        if path.name not in ("options.proto",):
            _load_file(path, messages, enums)
    for message in messages.values():
        for f in message.fields.values():
            if f.type in enums:
                f.type = "enum"
            elif f.type not in SCALARS:
                assert f.type in messages, f"{message.name}.{f.name}: unknown type {f.type}"
                f.message, f.type = f.type, "message"
    return messages


def _load_file(path: Path, messages: dict[str, Message], enums: set[str]):
    current = None
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if opened := re.match(r"^message (\w+) \{(\})?$", line):
            current = messages[opened[1]] = Message(opened[1])
            if opened[2]:
                current = None
        elif opened := re.match(r"^enum (\w+) \{$", line):
            enums.add(opened[1])
            current = None
        elif current and line == "option (strict) = true;":
            current.strict = True
        elif current and (found := _FIELD.match(line)):
            f = _field(found)
            current.fields[f.number] = f


def _field(found: re.Match) -> Field:
    f = Field(found[3], int(found[4]), found[2], repeated=bool(found[1]))
    for item in filter(None, (found[5] or "").split(",")):
        key, value = (part.strip() for part in item.split(":"))
        if key == "required":
            f.required = value == "true"
        elif key == "class":
            f.text_class = value
        else:
            setattr(f, key, int(value))
    return f


def numbers(enum: str, directory: Path = PROTO_DIR) -> set[int]:
    """The numbers of an enumeration."""
    for path in directory.glob("*.proto"):
        found = re.search(rf"^enum {enum} \{{(.*?)^\}}", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        if found:
            values = re.findall(r"^  [A-Z0-9_]+ = (\d+)\b", found[1], re.MULTILINE)
            return {int(value) for value in values}
    raise KeyError(enum)
