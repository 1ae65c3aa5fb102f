"""What must be seen of the application's calls in a tracing back-end. Each check is a sentence."""

from seen import HTTP

# Nano-dollars for a token, as examples/quickstart has the prices: fresh input, cache read, cache write, output.
# A class without a price of its own costs what fresh input costs.
PRICES = {
    ("sidegate-system/openai", "gpt-4o-mini"): (150, 75, 150, 600),
    ("sidegate-system/openai-backup", "gpt-4o-mini"): (150, 150, 150, 600),
    ("sidegate-system/openai", "text-embedding-3-small"): (20, 20, 20, 0),
    ("sidegate-system/anthropic", "claude-haiku-4-5"): (1000, 100, 1250, 5000),
    ("sidegate-system/gemini", "gemini-2.5-flash"): (300, 30, 300, 2500),
}
# What the back-end calls the dialects of the simulator.
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
# What the application says.
PROMPT = "Say hello to the neighbours"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def same(left, right, of=""):
    assert left == right and type(left) is type(right), f"{left!r} is not {right!r} {of}"


def pairs(seen):
    """The spans of requests, each with what the provider charged for it."""
    entries = seen.sampled_bill()
    assert len(entries) >= 10, entries
    same({span.id for span in seen.all_attempts()}, set(entries))
    return [(seen.spans[id], entry) for id, entry in entries.items()]


def answered(seen):
    found = [(span, entry) for span, entry in pairs(seen) if entry["status"] == 200]
    assert len(found) >= 9, found
    return found


@check
def each_attempt_is_a_call_of_a_model(seen):
    for span, entry in pairs(seen):
        embeds = entry["operation"] == "embeddings"
        same(span.kind, "EMBEDDING" if embeds else "LLM", span)
        same(span["embedding.model_name" if embeds else "llm.model_name"], entry["model"], span)
        same(span["llm.provider"], PROVIDERS[entry["dialect"]], span)
        same(span.failed, entry["status"] != 200, span)


@check
def the_call_itself_is_no_call_of_a_model(seen):
    assert len(seen.all_calls()) >= 9, seen.all_calls()
    for span in seen.all_calls():
        same(span.kind, "UNKNOWN", span)


@check
def tokens_are_those_of_the_bill(seen):
    for span, entry in answered(seen):
        same(span["llm.token_count.prompt"], entry["prompt_tokens"], span)
        same(span["llm.token_count.completion"], entry["output_tokens"], span)
        same(span["llm.token_count.total"], entry["prompt_tokens"] + entry["output_tokens"], span)
        if entry["operation"] != "embeddings":
            assert entry["cached_tokens"] > 0, entry
            same(span["llm.token_count.prompt_details.cache_read"], entry["cached_tokens"], span)
        if entry["dialect"] == "anthropic":
            assert entry["cache_write_tokens"] > 0, entry
            same(span["llm.token_count.prompt_details.cache_write"], entry["cache_write_tokens"], span)
        elif entry["operation"] != "embeddings":
            assert entry["reasoning_tokens"] > 0, entry
            same(span["gen_ai.usage.reasoning.output_tokens"], entry["reasoning_tokens"], span)


@check
def a_failed_attempt_has_no_tokens(seen):
    failed = [span for span, entry in pairs(seen) if entry["status"] != 200]
    assert failed
    for span in failed:
        same(span["llm.token_count.total"], None, span)


@check
def cost_comes_through_unchanged(seen):
    for span, entry in answered(seen):
        fresh, read, write, output = PRICES[span["sidegate.provider"], entry["model"]]
        cached, written = entry["cached_tokens"], entry["cache_write_tokens"]
        if entry["dialect"] != "anthropic":
            # The others do not tell what they wrote.
            written = 0
        told = entry["prompt_tokens"] - cached - written
        cost = told * fresh + cached * read + written * write + entry["output_tokens"] * output
        same(span["sidegate.cost.nanodollars"], cost, span)
        same(span["sidegate.cost.state"], "priced", span)
        same(seen.audit[seen.spans[span.parent]["sidegate.request_id"]]["cost_nanodollars"], cost, span)


@check
def application_call_and_attempts_are_one_tree(seen):
    for case, line in seen.cases.items():
        trace = seen.trace(case)
        inside = {span.id for span in trace}
        roots = [span.id for span in trace if span.parent not in inside]
        same(roots, [line["span"]], f"are the roots of {case}: {trace}")
        for call in seen.calls(case):
            same(seen.spans[call.parent].name, HTTP, f"is the parent of {call}")
            audited = seen.audit[call["sidegate.request_id"]]
            same(audited["span_id"], call.parent, case)
            same(len(seen.attempts(call)), call["sidegate.attempts"], case)
            assert all(span.is_attempt for span in seen.attempts(call)), case


@check
def the_provider_is_told_the_span_of_its_attempt(seen):
    for id, entry in seen.sampled_bill().items():
        told = dict(map(tuple, entry["headers"]))["traceparent"]
        same(told, f"00-{seen.spans[id].trace}-{id}-01")


@check
def a_fallback_shows_what_failed_and_what_answered(seen):
    (call,) = seen.calls("fallback")
    *failed, last = seen.attempts(call)
    assert failed, "nothing failed before"
    for span in failed:
        same(span.failed, True, span)
        same(span["error.type"], "provider_transient", span)
        same(span["http.response.status_code"], 503, span)
        same((span["sidegate.provider"], span["llm.model_name"]), ("sidegate-system/openai", "gpt-4o"))
        same(span["sidegate.cost.nanodollars"], 0, span)
    same(last.failed, False)
    same((last["sidegate.provider"], last["llm.model_name"]), ("sidegate-system/openai-backup", "gpt-4o-mini"))
    same(last["gen_ai.response.model"], seen.cases["fallback"]["model"])
    same((call["sidegate.model"], call["sidegate.route"], call.failed), ("gpt-4o", "steady", False))
    same(call["sidegate.rule"], "AIPolicy/sidegate-system/steady spec.routes[steady]")
    same(call["sidegate.rule_generation"], 1)


@check
def a_refusal_names_its_rule_and_has_no_attempt(seen):
    same(seen.cases["refused"]["status"], 403)
    (call,) = seen.calls("refused")
    same(seen.attempts(call), [])
    same((call["sidegate.outcome"], call["error.type"]), ("refused", "model_not_allowed"))
    same(call["sidegate.refused_by"], "AIPolicy/sidegate-system/everyone spec.models.allow")


@check
def only_streams_tell_the_time_to_their_first_chunk(seen):
    for span, entry in answered(seen):
        first = span["gen_ai.response.time_to_first_chunk"]
        assert (first is not None) == entry["stream"], (span, first)
        assert first is None or 0 < first < 10, first
    assert any(entry["stream"] for _, entry in answered(seen))


@check
def answers_say_why_they_ended(seen):
    asked, told = (seen.attempts(call)[-1] for call in seen.calls("tools"))
    same(asked["gen_ai.response.finish_reasons"], ["tool_calls"])
    same(told["gen_ai.response.finish_reasons"], ["stop"])
    for case, reason in [("claude", "end_turn"), ("gemini", "STOP")]:
        (call,) = seen.calls(case)
        same(seen.attempts(call)[-1]["gen_ai.response.finish_reasons"], [reason])


@check
def what_the_application_does_not_sample_is_not_sent(seen):
    trace = seen.cases["unsampled chat"]["unsampled_trace"]
    same(seen.of_trace(trace), [])
    told = [entry for entry in seen.bill.values() if trace in dict(map(tuple, entry["headers"]))["traceparent"]]
    same(len(told), 1, "calls were made in it")


@check
def but_a_refusal_is(seen):
    (call,) = seen.of_trace(seen.cases["unsampled refused"]["unsampled_trace"])
    same(call["sidegate.outcome"], "refused")


@check
def an_application_that_tells_of_tokens_too_says_the_same(seen):
    trace = seen.trace("own spans")
    counted = [span for span in trace if span["llm.token_count.total"] is not None]
    own, ours = counted
    same((own.is_attempt, ours.is_attempt), (False, True))
    for name in ["prompt", "completion", "total"]:
        same(own[f"llm.token_count.{name}"], ours[f"llm.token_count.{name}"])


@check
def tools_tie_the_answer_that_asked_to_the_call_that_brought_the_result(seen):
    before, after = seen.calls("tools")
    case = seen.cases["tools"]
    (asked,) = [attempt.events for attempt in seen.attempts(before)]
    same([event["name"] for event in asked], ["sidegate.tool_call"])
    same(asked[0]["attributes"]["gen_ai.tool.name"], case["tool"])
    same(asked[0]["attributes"]["gen_ai.tool.call.id"], case["tool_call"])
    same([event["name"] for event in after.events], ["sidegate.tool_result"])
    same(after.events[0]["attributes"]["gen_ai.tool.call.id"], case["tool_call"])
    same((before.events, [attempt.events for attempt in seen.attempts(after)]), ([], [[]]))


@check
def what_was_said_is_told_where_policy_captures_it_alone(seen):
    for case in ["chat", "stream", "claude", "gemini"]:
        (call,) = seen.calls(case)
        (attempt,) = seen.attempts(call)
        told = seen.namespace == "research"
        same(attempt["llm.input_messages.0.message.content"], PROMPT if told else None, case)
        same(attempt["llm.output_messages.0.message.content"], seen.cases[case]["text"] if told else None, case)
    for span in seen.all_calls() + ([] if seen.namespace == "research" else seen.all_attempts()):
        assert PROMPT not in str(span.told), span


@check
def and_so_are_the_tools_that_the_model_asks_for(seen):
    before, after = seen.calls("tools")
    case, told = seen.cases["tools"], seen.namespace == "research"
    (asked,), (brought,) = seen.attempts(before), seen.attempts(after)
    call = "llm.output_messages.0.message.tool_calls.0.tool_call"
    same(asked[f"{call}.function.name"], case["tool"] if told else None)
    same(asked[f"{call}.id"], case["tool_call"] if told else None)
    same(brought["llm.input_messages.2.message.tool_call_id"], case["tool_call"] if told else None)
    same(brought["llm.input_messages.2.message.content"], "sunny" if told else None)


@check
def no_key_is_told(seen):
    for span in seen.all_calls() + seen.all_attempts():
        # What all keys of the quickstart's begin with, and what the application has instead of one.
        assert not any(key in str(span.told) for key in ["sim-", "placeholder"]), span


@check
def a_purpose_is_told_where_policy_asks_for_it(seen):
    purpose = "greeting" if seen.namespace == "research" else None
    for span in seen.all_calls() + seen.all_attempts():
        same(span["sidegate.attribute.purpose"], purpose, span)
