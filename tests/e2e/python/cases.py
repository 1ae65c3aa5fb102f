"""Cases of one SDK: named functions, run in order, one line each.

The SDKs are configured by their environment variables alone; what this module
reads is only what to expect.
"""

import json
import os
import time
import traceback
import urllib.request

DIRECT = os.environ["SIDEGATE_E2E_THROUGH"] == "direct"
SIM = os.environ.get("SIDEGATE_E2E_SIM", "")

# A model that the caller may not use: refused by the sidecar's policy, unknown
# to the provider.
REFUSED_MODEL = "does-not-exist" if DIRECT else "gpt-3.5-turbo"
REFUSED_STATUS = 404 if DIRECT else 403
OPENAI_MODEL = "gpt-4o-mini"
ANTHROPIC_MODEL = "claude-haiku-4-5"
GEMINI_MODEL = "gemini-2.5-flash"
OPENAI_EMBEDDING = "text-embedding-3-small"
GEMINI_EMBEDDING = "gemini-embedding-001"
PROMPT = "Say hello to the neighbours"

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Cases:
    """Collects cases by decoration and runs them."""

    def __init__(self, sdk):
        self.sdk = sdk
        self.cases = []

    def case(self, function):
        self.cases.append(function)
        return function

    def run(self):
        for function in self.cases:
            name = function.__name__.replace("_", " ")
            try:
                function()
                print(f"ok    {self.sdk:<22} {name}", flush=True)
            except Exception as error:  # noqa: BLE001: a case may fail in any way
                line = f"{type(error).__name__}: {error}".replace("\n", " ")
                print(f"FAIL  {self.sdk:<22} {name}: {line[:400]}", flush=True)
                traceback.print_exc()


def echoed(text):
    """The simulator's answer ends with the prompt."""
    assert text is not None and text.endswith(PROMPT), f"not an echo: {text!r}"


def raised(kind, function):
    """The exception of exactly this class (or a subclass) that was raised."""
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def simulator(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{SIM}{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


class SlowAnswers:
    """While entered, the provider streams 400 events, 20 ms apart (8 s)."""

    def __enter__(self):
        if SIM:
            self.before = simulator("GET", "/_sim/answers")
            entries = simulator("GET", "/_sim/bill")["entries"]
            self.last = entries[-1]["id"] if entries else 0
            simulator("PUT", "/_sim/answers", {"events": 400, "pause-ms": 20})
        return self

    def __exit__(self, *_):
        if SIM:
            simulator("PUT", "/_sim/answers", self.before)

    def abandoned(self):
        """The provider saw the client go, and billed a part of the answer."""
        if not SIM:
            return
        deadline = time.monotonic() + 5
        while True:
            entries = simulator("GET", "/_sim/bill")["entries"]
            streams = [e for e in entries if e["id"] > self.last and e["stream"]]
            if streams and streams[-1]["outcome"] != "open":
                break
            assert time.monotonic() < deadline, f"the stream was left open: {streams}"
            time.sleep(0.05)
        entry = streams[-1]
        assert entry["outcome"] == "client_gone", entry["outcome"]
        assert entry["output_tokens"] < 400, entry["output_tokens"]
