"""Tries the stream of live queries by its own description: every answer is one that the description knows, what opens is a stream,
and a query in it is one by its schema.

Usage: schemathesis_live.py PAGE DNS_HOST:DNS_PORT CASES [HEADER], where HEADER is how one is logged in, as in `Cookie: NAME=VALUE`.
"""

import json
import socket
import sys

import jsonschema_rs
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.generation import GenerationMode

PATH = "/api/v1/queries/live"
TIMEOUT = 20
NAME = "telemetry.example"
# As for all other calls. What a filter may say is more than its description knows: QTYPEs are names from a list that grows.
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]

page, dns, cases = sys.argv[1], sys.argv[2], int(sys.argv[3])
headers = dict([sys.argv[4].split(": ", 1)]) if len(sys.argv) > 4 else {}
description = requests.get(f"{page}/api/openapi.json", timeout=TIMEOUT).json()
operation = schemathesis.openapi.from_dict(description)[PATH]["GET"]
seen = {}


def tried(mode):
    """Sends what `mode` makes of the description, and looks at what comes."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=cases, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def holds(case):
        call = case.as_transport_kwargs(base_url=page, headers=headers)
        with requests.request(**call, stream=True, timeout=TIMEOUT) as response:
            seen[response.status_code] = seen.get(response.status_code, 0) + 1
            if response.status_code != 200:
                # Whatever is no stream has an end.
                case.validate_response(response, checks=CHECKS)
                return
            assert headers, "a stream opens without a login"
            opens(response)

    holds()


def opens(response):
    """It is a stream, and says at once that it is there."""
    kind = response.headers["content-type"]
    assert kind.split(";")[0] == "text/event-stream", kind
    assert next(response.iter_lines(chunk_size=1)).startswith((b":", b"event:", b"data:")), "no line of a stream"


def a_query_arrives():
    """What is asked meanwhile comes, and is what the schema calls a query."""
    query = jsonschema_rs.validator_for({"$ref": "#/components/schemas/Query", "components": description["components"]})
    host, port = dns.rsplit(":", 1)
    with requests.get(page + PATH, headers=headers, stream=True, timeout=TIMEOUT) as response:
        lines = response.iter_lines(chunk_size=1)
        assert next(lines).startswith(b":")
        name = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split("."))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stub:
            stub.sendto(b"\x00\x07\x01\x00\x00\x01" + bytes(6) + name + b"\x00\x00\x01\x00\x01", (host, int(port)))
        data = json.loads(next(line for line in lines if line.startswith(b"data:"))[5:])
    query.validate(data)
    assert data["name"] == NAME, data


tried(GenerationMode.POSITIVE)
tried(GenerationMode.NEGATIVE)
if headers:
    a_query_arrives()
print("Answers:", ", ".join(f"{count} times {status}" for status, count in sorted(seen.items())))
