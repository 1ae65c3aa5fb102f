"""An application that traces itself with OpenTelemetry's Python SDK, as a team would write it.

It knows its SDKs and where its spans go, all by their own environment variables, and nothing of what it is
tested with. Each case is one span of its own; for each it prints one line of JSON: the case, its trace, its
span, and what its caller saw. The cases named on the command line are run, in that order.
"""

import json
import os
import sys

import anthropic
import openai
from google import genai
from opentelemetry import trace
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MODEL = "gpt-4o-mini"
PROMPT = "Say hello to the neighbours"
# What the calls are for; whether anybody wants to know is not the application's business.
PURPOSE = {"x-purpose": "greeting"}
MESSAGES = [{"role": "user", "content": PROMPT}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def exporter():
    """By gRPC or by HTTP, as the environment says; where to, the exporters read themselves."""
    if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    return OTLPSpanExporter()


def chat():
    answer = openai.OpenAI(default_headers=PURPOSE).chat.completions.create(model=MODEL, messages=MESSAGES)
    return {"text": answer.choices[0].message.content}


def stream():
    chunks = openai.OpenAI(default_headers=PURPOSE).chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    return {"text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)}


def tools():
    """The model asks for a tool, and the application sends back what it gave."""
    client = openai.OpenAI(default_headers=PURPOSE)
    asked = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, tools=[WEATHER], tool_choice="required"
    )
    call = asked.choices[0].message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    turn = [*MESSAGES, asked.choices[0].message, result]
    client.chat.completions.create(model=MODEL, messages=turn, tools=[WEATHER])
    return {"tool": call.function.name, "tool_call": call.id}


def fallback():
    answer = openai.OpenAI(default_headers=PURPOSE, max_retries=0).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    return {"model": answer.model}


def refused():
    try:
        openai.OpenAI(default_headers=PURPOSE).chat.completions.create(model="gpt-3.5-turbo", messages=MESSAGES)
    except openai.PermissionDeniedError as error:
        return {"status": error.status_code}
    return {"status": 200}


def embeddings():
    answer = openai.OpenAI(default_headers=PURPOSE).embeddings.create(model="text-embedding-3-small", input=PROMPT)
    return {"dimensions": len(answer.data[0].embedding)}


def claude():
    answer = anthropic.Anthropic(default_headers=PURPOSE).messages.create(
        model="claude-haiku-4-5", max_tokens=64, messages=MESSAGES
    )
    return {"text": answer.content[-1].text}


def gemini():
    client = genai.Client(http_options={"headers": PURPOSE})
    answer = client.models.generate_content(model="gemini-2.5-flash", contents=PROMPT)
    return {"text": answer.text}


def unsampled(case):
    """The same within a trace that the application has decided not to take."""
    def run():
        taken = trace.get_current_span().get_span_context()
        context = trace.SpanContext(taken.trace_id ^ 1, taken.span_id ^ 1, False, trace.TraceFlags(0))
        with trace.use_span(trace.NonRecordingSpan(context)):
            return case() | {"unsampled_trace": f"{context.trace_id:032x}"}
    return run


def own_spans():
    """With the instrumentation that writes spans of its own for each call of a model."""
    OpenAIInstrumentor().instrument()
    try:
        return chat()
    finally:
        OpenAIInstrumentor().uninstrument()


CASES = {
    "chat": chat,
    "stream": stream,
    "tools": tools,
    "fallback": fallback,
    "refused": refused,
    "embeddings": embeddings,
    "claude": claude,
    "gemini": gemini,
    "unsampled chat": unsampled(chat),
    "unsampled refused": unsampled(refused),
    "own spans": own_spans,
}


def main():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()
    HTTPX2ClientInstrumentor().instrument()
    tracer = trace.get_tracer("shop")
    for name in sys.argv[1:] or CASES:
        with tracer.start_as_current_span(f"shop {name}") as span:
            seen = CASES[name]()
        own = span.get_span_context()
        ids = {"trace": f"{own.trace_id:032x}", "span": f"{own.span_id:016x}"}
        print(json.dumps({"case": name} | ids | seen), flush=True)
    provider.shutdown()


if __name__ == "__main__":
    main()
