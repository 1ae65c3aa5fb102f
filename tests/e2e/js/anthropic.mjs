// The Anthropic SDK: messages, token counts, models.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import {
  abandoning, anthropicModel, direct, echoed, prompt, refusedModel, run, schema, some, thrown,
} from "./cases.mjs";

const client = new Anthropic();
const messages = [{ role: "user", content: prompt }];
const asked = { model: anthropicModel, max_tokens: 500, messages };
const weather = { name: "weather", input_schema: schema };

async function chat() {
  const answer = await client.messages.create(asked);
  echoed(answer.content[0].text);
  assert.ok(answer.usage.output_tokens > 0);
}

await run("js/anthropic", {
  chat,

  async "chat stream"() {
    const stream = client.messages.stream(asked);
    let text = "";
    stream.on("text", (piece) => { text += piece; });
    const final = await stream.finalMessage();
    echoed(text);
    assert.equal(final.stop_reason, "end_turn");
  },

  async "tools"() {
    const answer = await client.messages.create({
      ...asked, tools: [weather], tool_choice: { type: "any" },
    });
    assert.deepEqual(answer.content[0].input, { city: "sim" });
  },

  async "tools stream"() {
    const stream = client.messages.stream({
      ...asked, tools: [weather], tool_choice: { type: "any" },
    });
    assert.deepEqual((await stream.finalMessage()).content[0].input, { city: "sim" });
  },

  async "count tokens"() {
    const count = await client.messages.countTokens({ model: anthropicModel, messages });
    assert.ok(count.input_tokens > 0);
  },

  async "models"() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.ok(names.includes(anthropicModel), names.join(" "));
  },

  async "refused model"() {
    const error = await thrown(() => client.messages.create({ ...asked, model: refusedModel }));
    const kind = direct ? Anthropic.NotFoundError : Anthropic.PermissionDeniedError;
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  },

  async "cancelled stream"() {
    await abandoning(async () => {
      const stream = await client.messages.create({ ...asked, stream: true });
      await some(5, stream);
      stream.controller.abort();
    });
    await chat();
  },
});
