"""Every file has the form that its JSON Schema says."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator


def check_schemas(directory: Path) -> list[str]:
    """What differs from its schema, one line each; the wire trace is older than the schemas and has none."""
    wrong = []
    for path in sorted(directory.glob("*.json")):
        if path.name == "wire-trace.json":
            continue
        schema = directory / "schema" / f"{path.stem}.schema.json"
        if not schema.exists():
            wrong.append(f"{path.name}: no schema")
            continue
        said = json.loads(schema.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(said)
        file = json.loads(path.read_text(encoding="utf-8"))
        for error in Draft202012Validator(said).iter_errors(file):
            wrong.append(f"{path.name}: {error.json_path}: {error.message[:200]}")
    return wrong
