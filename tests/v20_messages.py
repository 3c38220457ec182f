"""OANDA's own description of every message, as strict as it can be read.

A field that a definition does not know fails, numbers and times must be written as they are, and a
transaction or an order must be of the definition that its type names.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FILE = Path(__file__).resolve().parents[1].parent / "shared" / "oanda" / "v20.json"
NUMBER = r"^-?\d+(\.\d+)?$"
TIME = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z|\d+\.\d{9})$"
ID = r"^\d+$"
PATTERNS = {
    "A decimal number": NUMBER,
    "The RFC 3339 representation": TIME,
    "String representation of the numerical OANDA-assigned TransactionID": ID,
    "The string representation of the OANDA-assigned OrderID": ID,
    "The string representation of the OANDA-assigned TradeID": ID,
}
REQUIRED = ["id", "time", "userID", "accountID", "batchID", "type"]


def is_here() -> bool:
    """Whether OANDA's description lies beside the project."""
    return FILE.is_file()


def faults_of(message: Any, definition: str) -> list[str]:
    """What is wrong with a message of this definition."""
    return _faults(message, {"$ref": f"#/definitions/{definition}"})


def faults_of_answer(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer. path: without the base, as it was asked for."""
    for template, operations in _description()["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if re.fullmatch(pattern, path.split("?", maxsplit=1)[0]) and method.lower() in operations:
            if _is_better_known(template, path):
                continue
            responses = operations[method.lower()]["responses"]
            if str(status) not in responses:
                return [f"{method} {template} has no answer {status}"]
            response = responses[str(status)]
            if "$ref" in response:
                response = _description()["responses"][response["$ref"].split("/")[-1]]
            return _faults(body, response["schema"])
    return [f"{method} {path} is not known"]


def _is_better_known(template: str, path: str) -> bool:
    """Whether a path without a variable at this place says the same."""
    plain = path.split("?", maxsplit=1)[0]
    return any(
        other != template
        and other.count("{") < template.count("{")
        and re.fullmatch(re.sub(r"{\w+}", "[^/]+", other), plain)
        for other in _description()["paths"]
    )


def _faults(message: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**_strict(schema), "definitions": _definitions()}
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in Draft202012Validator(whole).iter_errors(message)
    ]


@cache
def _description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


@cache
def _definitions() -> dict[str, Any]:
    given = _description()["definitions"]
    strict = {name: _strict(definition) for name, definition in given.items()}
    for name in given:
        if name.endswith("Transaction") and name != "Transaction":
            strict[name]["required"] = REQUIRED
            strict[name]["properties"]["type"] = {"const": _type_of(name, "Transaction")}
    strict["Transaction"] = _by_type("Transaction", list(given))
    strict["Order"] = _by_type("Order", [name for name in given if name != "FixedPriceOrder"])
    return strict


def _by_type(ending: str, names: list[str]) -> dict[str, Any]:
    """The definition that the `type` of a message names."""
    kinds = {
        _type_of(name, ending): name for name in names if name.endswith(ending) and name != ending
    }
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": sorted(kinds)}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": {"$ref": f"#/definitions/{name}"},
            }
            for kind, name in kinds.items()
        ],
    }


def _type_of(name: str, ending: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix(ending)).upper()


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(part) for key, part in schema.items() if key != "format"}
    if isinstance(strict.get("properties"), dict) and schema.get("type") == "object":
        strict["additionalProperties"] = False
        for name, part in strict["properties"].items():
            if name.startswith("client"):  # described as numbers here and there; they are names
                part.pop("pattern", None)
    text = schema.get("format")
    if schema.get("type") == "string" and isinstance(text, str):
        for start, pattern in PATTERNS.items():
            if text.startswith(start):
                strict["pattern"] = pattern
    return strict
