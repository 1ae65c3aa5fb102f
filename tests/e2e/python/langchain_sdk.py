"""langchain-openai's chat model."""

import openai
from langchain_openai import ChatOpenAI

from cases import (
    DIRECT,
    OPENAI_MODEL,
    PROMPT,
    REFUSED_MODEL,
    SCHEMA,
    Cases,
    SlowAnswers,
    echoed,
    raised,
)

cases = Cases("python/langchain-openai")
model = ChatOpenAI(model=OPENAI_MODEL)


@cases.case
def chat():
    answer = model.invoke(PROMPT)
    echoed(answer.content)
    assert answer.usage_metadata["output_tokens"] > 0


@cases.case
def chat_stream():
    echoed("".join(chunk.content for chunk in model.stream(PROMPT)))


@cases.case
def tools():
    bound = model.bind_tools(
        [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
        tool_choice="required",
    )
    call = bound.invoke(PROMPT).tool_calls[0]
    assert (call["name"], call["args"]) == ("weather", {"city": "sim"})


@cases.case
def structured_output():
    schema = {"title": "Place", "description": "A place.", **SCHEMA}
    assert model.with_structured_output(schema).invoke(PROMPT) == {"city": "sim"}


@cases.case
def refused_model():
    kind = openai.NotFoundError if DIRECT else openai.PermissionDeniedError
    raised(kind, lambda: ChatOpenAI(model=REFUSED_MODEL).invoke(PROMPT))


@cases.case
def cancelled_stream():
    with SlowAnswers() as slow:
        stream = model.stream(PROMPT)
        for _, _ in zip(range(3), stream):
            pass
        stream.close()
        slow.abandoned()
    chat()


cases.run()
