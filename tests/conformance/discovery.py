"""Google's discovery documents as schemas: is a JSON body one that the API describes?

The documents ship in PyPI's google-api-python-client. A body is checked as the service would read it: a member that the schema does
not have is an error, and so is one that only the service writes.
"""

import functools
import json
import pathlib

import googleapiclient.discovery_cache

DOCUMENTS = pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents"


@functools.cache
def schemas(document):
    return json.loads((DOCUMENTS / f"{document}.json").read_text())["schemas"]


def problems(document, schema, body):
    """What is wrong with the body, each as "path: reason"."""
    return list(_check(schemas(document), {"$ref": schema}, body, ""))


def _is_integer(value, low, high):
    if isinstance(value, str):  # proto-JSON writes 64-bit numbers as text
        value = int(value) if value.lstrip("-").isdigit() else None
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


PLAIN = {
    ("string", "int64"): lambda v: _is_integer(v, -2**63, 2**63 - 1),
    ("integer", "int32"): lambda v: _is_integer(v, -2**31, 2**31 - 1) and not isinstance(v, str),
    ("string", "google-duration"): lambda v: isinstance(v, str) and v.endswith("s") and v[:-1].replace(".", "", 1).isdigit(),
    ("string", None): lambda v: isinstance(v, str),
    ("boolean", None): lambda v: isinstance(v, bool),
    ("number", "double"): lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}


def _check(named, schema, value, path):
    schema = named[schema["$ref"]] if "$ref" in schema else schema
    kind = schema["type"]
    if kind == "object":
        yield from _check_object(named, schema, value, path)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for i, item in enumerate(value):
            yield from _check(named, schema["items"], item, f"{path}[{i}]")
    elif "enum" in schema:
        if value not in schema["enum"]:
            yield f"{path}: {value!r} is none of the enum's"
    elif not PLAIN[kind, schema.get("format")](value):
        yield f"{path}: {value!r} is no {schema.get('format', kind)}"


def _check_object(named, schema, value, path):
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    for key, inner in value.items():
        here = f"{path}.{key}".lstrip(".")
        known = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if known is None:
            yield f"{here}: no such member"
        elif known.get("readOnly"):
            yield f"{here}: only the service writes it"
        else:
            yield from _check(named, known, inner, here)
