"""The google-genai SDK: generate, stream, embed, count, models."""

from google import genai
from google.genai import errors, types

from cases import (
    GEMINI_EMBEDDING,
    GEMINI_MODEL,
    PROMPT,
    REFUSED_MODEL,
    REFUSED_STATUS,
    SCHEMA,
    Cases,
    SlowAnswers,
    echoed,
    raised,
)

cases = Cases("python/google-genai")
client = genai.Client()
weather = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
    ]
)
forced = types.GenerateContentConfig(
    tools=[weather],
    tool_config=types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode="ANY")
    ),
)


@cases.case
def chat():
    answer = client.models.generate_content(model=GEMINI_MODEL, contents=PROMPT)
    echoed(answer.text)
    assert answer.usage_metadata.total_token_count > 0


@cases.case
def chat_stream():
    stream = client.models.generate_content_stream(model=GEMINI_MODEL, contents=PROMPT)
    chunks = list(stream)
    echoed("".join(chunk.text or "" for chunk in chunks))
    assert len(chunks) > 1, "one chunk is no stream"


@cases.case
def tools():
    answer = client.models.generate_content(model=GEMINI_MODEL, contents=PROMPT, config=forced)
    assert answer.function_calls[0].args == {"city": "sim"}


@cases.case
def tools_stream():
    stream = client.models.generate_content_stream(
        model=GEMINI_MODEL, contents=PROMPT, config=forced
    )
    calls = [call for chunk in stream for call in chunk.function_calls or []]
    assert calls[0].name == "weather"


@cases.case
def embeddings():
    answer = client.models.embed_content(
        model=GEMINI_EMBEDDING,
        contents=["one", "two"],
        config=types.EmbedContentConfig(output_dimensionality=8),
    )
    assert [len(item.values) for item in answer.embeddings] == [8, 8]


@cases.case
def count_tokens():
    assert client.models.count_tokens(model=GEMINI_MODEL, contents=PROMPT).total_tokens > 0


@cases.case
def models():
    names = [model.name for model in client.models.list()]
    assert f"models/{GEMINI_MODEL}" in names, names


@cases.case
def refused_model():
    error = raised(
        errors.ClientError,
        lambda: client.models.generate_content(model=REFUSED_MODEL, contents=PROMPT),
    )
    assert error.code == REFUSED_STATUS, error.code


@cases.case
def cancelled_stream():
    with SlowAnswers() as slow:
        stream = client.models.generate_content_stream(model=GEMINI_MODEL, contents=PROMPT)
        for _, _ in zip(range(3), stream):
            pass
        stream.close()
        slow.abandoned()
    chat()


cases.run()
