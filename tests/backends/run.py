#!/usr/bin/env python3
"""Holds the sidecar's traces to a real tracing back-end and a really traced application.

    tests/backends/run.py --program target/debug/sidegate --objects examples/quickstart
    tests/backends/run.py --prepare

Starts Phoenix, and for each protocol of OTLP a sidecar of its own with a provider simulator; has an application
that is instrumented with OpenTelemetry's Python SDK make its calls; reads back what came through, and holds it
to what the provider charged, to the audit trail and to what the application saw. Phoenix and the application's
packages are installed once, from the lock files beside this file, under ${XDG_CACHE_HOME:-~/.cache}/sidegate.
Prints one line for each check and `N passed, N failed`; ends with code 1 if one failed.
"""

import argparse
import pathlib
import sys
import tempfile
import traceback

import stage
from checks import CHECKS
from installed import python_of
from seen import Seen, wait_for

HERE = pathlib.Path(__file__).resolve().parent
# By each protocol: the namespace of the pod, and what is told to both the sidecar and the application.
PROTOCOLS = {
    "grpc": ("default", {}),
    "http/protobuf": ("research", {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}),
}


def seen_by(protocol, phoenix, options, scratch):
    """Everything that was seen of the application's calls, with spans sent by this protocol."""
    namespace, more = PROTOCOLS[protocol]
    project = protocol.replace("/", "-")
    told = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": phoenix.endpoint(protocol),
        # Both are shown in one project, and each under its own name.
        "OTEL_RESOURCE_ATTRIBUTES": f"openinference.project.name={project}",
    } | more
    with stage.sidecar(options.program, options.objects, namespace, scratch / project, told) as sidecar:
        cases = stage.application(options.app, sidecar.calls, told | {"OTEL_SERVICE_NAME": "shop"})
        bill = sidecar.bill()
    seen = Seen(
        cases={line["case"]: line for line in cases},
        bill=bill,
        audit={line["request_id"]: line for line in sidecar.audit()},
        spans={},
        namespace=namespace,
    )
    return wait_for(seen, lambda: phoenix.spans(project), stage.ARRIVAL)


def judge(protocol, seen):
    """Runs the checks; how many failed."""
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check(seen)
            print(f"ok    {protocol:<14} {name}", flush=True)
        except Exception as error:  # noqa: BLE001: a check may fail in any way
            failed += 1
            line = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(f"FAIL  {protocol:<14} {name}: {line[:600]}", flush=True)
            traceback.print_exc()
    return failed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--program", type=pathlib.Path, help="the sidegate that is tested")
    parser.add_argument("--objects", type=pathlib.Path, help="its objects: those of the quickstart")
    parser.add_argument("--prepare", action="store_true", help="install and end")
    options = parser.parse_args()
    if not options.prepare and not (options.program and options.objects):
        parser.error("--program and --objects are needed")
    return options


def main():
    options = arguments()
    # First what takes long, so that nothing runs meanwhile.
    options.phoenix, options.app = (python_of(HERE / f"{name}/requirements.txt") for name in ["phoenix", "app"])
    if options.prepare:
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="sidegate-backends-") as scratch:
        scratch = pathlib.Path(scratch)
        with stage.phoenix(options.phoenix, scratch) as phoenix:
            for protocol in PROTOCOLS:
                failed += judge(protocol, seen_by(protocol, phoenix, options, scratch))
    ran = len(CHECKS) * len(PROTOCOLS)
    print(f"{ran - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
