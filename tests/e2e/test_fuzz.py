"""Schemathesis against the served product by its own reference: what the document says is what happens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.e2e.stack import Stack

# Checks that say nothing here, and why.
LEFT_OUT = {
    "positive_data_acceptance": "ids must exist, queries must parse, schemas must be admitted: rules beyond JSON Schema",
    "missing_required_header": "no operation requires a header but the credential, which ignored_auth looks at",
    "use_after_free": "looks at sequences of calls; here each stands alone",
    "ensure_resource_availability": "looks at sequences of calls; here each stands alone",
}
# Streams without end, turns that think, another protocol, pages for people, and calls that speak to a store of the customer's:
# a made-up connector has none, and says so with 502.
NOT_FUZZED = "/stream|/turns|/mcp|/docs|/console|/health|/connectors/.*/(browse|test)"
SECONDS = int(os.environ.get("FUZZ_SECONDS", "15"))  # `make fuzz` gives it more
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
PHASES = "coverage,fuzzing" if EXAMPLES > 1 else "coverage"


def test_the_served_product_does_what_its_reference_says(stack: Stack, tmp_path: Path) -> None:
    base = stack.said["base_url"].removesuffix("/api/v2")
    document = httpx.get(f"{base}/openapi.json", timeout=30, trust_env=False).json()
    for methods in document["paths"].values():
        for said in methods.values():  # a made-up key would win over the token, and nothing but 401 be looked at
            said["security"] = [one for one in said["security"] if "bearer" in one]
    del document["components"]["securitySchemes"]["apiKey"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", "openapi.json", "--url", base),
        *("--header", f"Authorization: Bearer {stack.said['bearer_token']}"),
        *("--phases", PHASES, "--max-examples", str(EXAMPLES), "--max-time", str(SECONDS), "--workers", "1"),
        *("--exclude-checks", ",".join(LEFT_OUT), "--exclude-path-regex", NOT_FUZZED),
        *("--continue-on-failure", "--request-timeout", "90", "--request-retries", "2", "--suppress-health-check", "all"),
        *("--generation-database", "none", "--warnings", "off", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * 2 + 120, check=False)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
