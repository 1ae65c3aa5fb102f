"""The openai SDK: chat, responses, embeddings, models."""

import json

import openai

from cases import (
    OPENAI_EMBEDDING,
    OPENAI_MODEL,
    PROMPT,
    REFUSED_MODEL,
    SCHEMA,
    Cases,
    DIRECT,
    SlowAnswers,
    echoed,
    raised,
)

cases = Cases("python/openai")
client = openai.OpenAI()
messages = [{"role": "user", "content": PROMPT}]
weather = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


@cases.case
def chat():
    answer = client.chat.completions.create(model=OPENAI_MODEL, messages=messages)
    echoed(answer.choices[0].message.content)
    assert answer.usage.completion_tokens > 0


@cases.case
def chat_stream():
    stream = client.chat.completions.create(model=OPENAI_MODEL, messages=messages, stream=True)
    chunks = list(stream)
    echoed("".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
    assert all(c.usage is None for c in chunks), "usage that nobody asked for"
    assert all(c.choices for c in chunks), "a chunk without choices that nobody asked for"


@cases.case
def chat_stream_with_usage():
    stream = client.chat.completions.create(
        model=OPENAI_MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    assert list(stream)[-1].usage.total_tokens > 0


@cases.case
def chat_tools():
    answer = client.chat.completions.create(
        model=OPENAI_MODEL, messages=messages, tools=[weather], tool_choice="required"
    )
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "sim"}
    turn = [
        *messages,
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    again = client.chat.completions.create(model=OPENAI_MODEL, messages=turn, tools=[weather])
    echoed(again.choices[0].message.content)


@cases.case
def chat_tools_stream():
    with client.chat.completions.stream(
        model=OPENAI_MODEL, messages=messages, tools=[weather], tool_choice="required"
    ) as stream:
        stream.until_done()
        answer = stream.get_final_completion()
    arguments = answer.choices[0].message.tool_calls[0].function.arguments
    assert json.loads(arguments) == {"city": "sim"}


@cases.case
def responses():
    echoed(client.responses.create(model=OPENAI_MODEL, input=PROMPT).output_text)


@cases.case
def responses_stream():
    with client.responses.stream(model=OPENAI_MODEL, input=PROMPT) as stream:
        kinds = [event.type for event in stream]
        echoed(stream.get_final_response().output_text)
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds


@cases.case
def embeddings():
    answer = client.embeddings.create(model=OPENAI_EMBEDDING, input=["one", "two"], dimensions=8)
    assert [len(item.embedding) for item in answer.data] == [8, 8]


@cases.case
def models():
    names = [model.id for model in client.models.list()]
    assert OPENAI_MODEL in names, names


@cases.case
def azure():
    """Its paths name the model, as deployments."""
    if DIRECT:
        return
    own = openai.AzureOpenAI()
    answer = own.chat.completions.create(model=OPENAI_MODEL, messages=messages)
    echoed(answer.choices[0].message.content)
    raised(
        openai.PermissionDeniedError,
        lambda: own.chat.completions.create(model=REFUSED_MODEL, messages=messages),
    )


@cases.case
def refused_model():
    kind = openai.NotFoundError if DIRECT else openai.PermissionDeniedError
    error = raised(
        kind,
        lambda: client.chat.completions.create(model=REFUSED_MODEL, messages=messages),
    )
    assert error.code, "an error without a code"


@cases.case
def cancelled_stream():
    with SlowAnswers() as slow:
        stream = client.chat.completions.create(model=OPENAI_MODEL, messages=messages, stream=True)
        for _, _ in zip(range(3), stream):
            pass
        stream.close()
        slow.abandoned()
    chat()


cases.run()
