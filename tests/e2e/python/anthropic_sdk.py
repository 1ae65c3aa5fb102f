"""The anthropic SDK: messages, token counts, models."""

import anthropic

from cases import (
    ANTHROPIC_MODEL,
    DIRECT,
    PROMPT,
    REFUSED_MODEL,
    SCHEMA,
    Cases,
    SlowAnswers,
    echoed,
    raised,
)

cases = Cases("python/anthropic")
client = anthropic.Anthropic()
asked = {
    "model": ANTHROPIC_MODEL,
    "max_tokens": 500,
    "messages": [{"role": "user", "content": PROMPT}],
}
weather = {"name": "weather", "input_schema": SCHEMA}


@cases.case
def chat():
    answer = client.messages.create(**asked)
    echoed(answer.content[0].text)
    assert answer.usage.output_tokens > 0


@cases.case
def chat_stream():
    with client.messages.stream(**asked) as stream:
        echoed("".join(stream.text_stream))
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 1


@cases.case
def tools():
    answer = client.messages.create(**asked, tools=[weather], tool_choice={"type": "any"})
    assert answer.stop_reason == "tool_use"
    assert answer.content[0].input == {"city": "sim"}
    result = {"type": "tool_result", "tool_use_id": answer.content[0].id, "content": "sunny"}
    turns = [
        *asked["messages"],
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result, {"type": "text", "text": PROMPT}]},
    ]
    again = client.messages.create(**{**asked, "messages": turns}, tools=[weather])
    echoed(again.content[0].text)


@cases.case
def tools_stream():
    with client.messages.stream(
        **asked, tools=[weather], tool_choice={"type": "any"}
    ) as stream:
        final = stream.get_final_message()
    assert final.content[0].input == {"city": "sim"}


@cases.case
def thinking():
    answer = client.messages.create(
        **{**asked, "max_tokens": 4000}, thinking={"type": "enabled", "budget_tokens": 2000}
    )
    assert [block.type for block in answer.content] == ["thinking", "text"]


@cases.case
def count_tokens():
    count = client.messages.count_tokens(model=ANTHROPIC_MODEL, messages=asked["messages"])
    assert count.input_tokens > 0


@cases.case
def models():
    names = [model.id for model in client.models.list()]
    assert ANTHROPIC_MODEL in names, names


@cases.case
def refused_model():
    kind = anthropic.NotFoundError if DIRECT else anthropic.PermissionDeniedError
    error = raised(kind, lambda: client.messages.create(**{**asked, "model": REFUSED_MODEL}))
    assert error.body["type"] == "error", error.body


@cases.case
def cancelled_stream():
    with SlowAnswers() as slow:
        stream = client.messages.create(**asked, stream=True)
        for _, _ in zip(range(5), stream):
            pass
        stream.close()
        slow.abandoned()
    chat()


cases.run()
