"""What was seen of the calls of one application: by the back-end, by the provider, in the audit trail, by itself."""

import dataclasses
import time

# An application's span of an HTTP request has no name but its method.
HTTP = "POST"


class Span:
    """A span, as the back-end tells it."""

    def __init__(self, told):
        self.told = told
        self.id = told["context"]["span_id"]
        self.trace = told["context"]["trace_id"]
        self.parent = told["parent_id"]
        self.name = told["name"]
        self.kind = told["span_kind"]
        self.failed = told["status_code"] == "ERROR"
        self.attributes = told["attributes"]
        self.events = told["events"]

    def __repr__(self):
        return f"{self.name!r} ({self.id})"

    def __getitem__(self, name):
        return self.attributes.get(name)

    @property
    def is_call(self):
        """The sidecar's span of a call."""
        return "sidegate.request_id" in self.attributes

    @property
    def is_attempt(self):
        """The sidecar's span of a request to a provider."""
        return "sidegate.provider" in self.attributes


@dataclasses.dataclass
class Seen:
    """Everything that was seen."""

    # By the application: a line of each case, by its name.
    cases: dict
    # By the provider: a bill's entry for each request, by the id of the span that it was told.
    bill: dict
    # In the audit trail: a line for each call, by request id.
    audit: dict
    # By the back-end: the spans, by id.
    spans: dict
    # Whose pod it was.
    namespace: str

    def trace(self, case):
        """The spans of a case, the earliest first."""
        return self.of_trace(self.cases[case]["trace"])

    def of_trace(self, trace):
        found = [span for span in self.spans.values() if span.trace == trace]
        return sorted(found, key=lambda span: span.told["start_time"])

    def calls(self, case):
        """The sidecar's spans of the calls of a case."""
        return [span for span in self.trace(case) if span.is_call]

    def attempts(self, call):
        """The sidecar's spans of the requests for a call."""
        return [span for span in self.of_trace(call.trace) if span.parent == call.id]

    def all_calls(self):
        return [span for span in self.spans.values() if span.is_call]

    def all_attempts(self):
        return [span for span in self.spans.values() if span.is_attempt]

    def sampled_bill(self):
        """What was charged for requests that were told to be traced."""
        return {id: entry for id, entry in self.bill.items() if sampled(entry)}

    def missing(self):
        """What must come through and has not yet: spans of cases, of requests and of calls."""
        traces = {line["trace"] for line in self.cases.values()}
        calls = {span["sidegate.request_id"] for span in self.all_calls()}
        expected = [line["span"] for line in self.cases.values()] + list(self.sampled_bill())
        called = [id for id, line in self.audit.items() if line.get("trace_id") in traces]
        return [id for id in expected if id not in self.spans] + [id for id in called if id not in calls]


def sampled(entry):
    """Whether a request came with a trace context that says so."""
    return dict(map(tuple, entry["headers"]))["traceparent"].endswith("-01")


def wait_for(seen, told, seconds):
    """Reads the spans until all that must come are there."""
    by = time.monotonic() + seconds
    while True:
        seen.spans = {span.id: span for span in map(Span, told())}
        missing = seen.missing()
        if not missing:
            return seen
        if time.monotonic() > by:
            raise SystemExit(f"did not come through within {seconds} s: {missing}")
        time.sleep(0.5)
