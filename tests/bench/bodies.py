"""Chat requests as applications send them: a conversation whose text is full of quotes and line
ends, so that a reader of JSON meets escapes, and field order as the SDKs have it."""

import json

SYSTEM = ("You are the on-call assistant of a platform team. Answer in at most five sentences, quote the "
          "lines you rely on, and say \"I don't know\" rather than guess.")

ASKED = ("Why did the rollout of \"checkout\" stall? The events say:\n"
         "\t- Readiness probe failed: Get \"http://10.4.2.17:8080/ready\": connection refused\n"
         "\t- Back-off restarting failed container \"app\" in pod \"checkout-6c9f7d-x2x8l\"\n"
         "and the log of the pod ends with {\"level\":\"warn\",\"msg\":\"listening on :8081\"}.\n")

ANSWERED = ("The container listens on port 8081 (\"listening on :8081\") while the probe asks on 8080, so the pod "
            "never becomes ready – the rollout waits for it.\n\nChange `readinessProbe.httpGet.port` to 8081:\n"
            "```yaml\nreadinessProbe:\n  httpGet: {path: \"/ready\", port: 8081}\n```\n")


def chat(model, size, stream=False, usage=False):
    """A request of `size` bytes at least, and less than one turn more."""
    messages = [{"role": "system", "content": SYSTEM}]
    request = {"messages": messages, "model": model, "max_tokens": 512, "temperature": 0.2}
    if stream:
        request["stream"] = True
        if usage:
            request["stream_options"] = {"include_usage": True}
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    length = len(encode(request).encode())
    while length < size:
        # Turns of about 2 KB, and shorter at the end.
        turn = ASKED if len(messages) % 2 else ANSWERED
        times = max(1, min(2000, size - length) // len(turn))
        message = {"role": "user" if turn is ASKED else "assistant", "content": turn * times}
        messages.append(message)
        length += len(encode(message).encode()) + 1
    return encode(request).encode()
