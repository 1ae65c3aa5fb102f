// The openai SDK: chat, responses, embeddings, models.

import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI } from "openai";
import {
  abandoning, direct, echoed, openaiEmbedding, openaiModel, prompt, refusedModel, run, schema,
  some, thrown,
} from "./cases.mjs";

const client = new OpenAI();
const messages = [{ role: "user", content: prompt }];
const weather = { type: "function", function: { name: "weather", parameters: schema } };

async function chat() {
  const answer = await client.chat.completions.create({ model: openaiModel, messages });
  echoed(answer.choices[0].message.content);
  assert.ok(answer.usage.completion_tokens > 0);
}

await run("js/openai", {
  chat,

  async "chat stream"() {
    const stream = await client.chat.completions.create({
      model: openaiModel, messages, stream: true,
    });
    let text = "";
    for await (const chunk of stream) {
      assert.equal(chunk.usage ?? null, null, "usage that nobody asked for");
      text += chunk.choices[0].delta.content ?? "";
    }
    echoed(text);
  },

  async "chat tools"() {
    const answer = await client.chat.completions.create({
      model: openaiModel, messages, tools: [weather], tool_choice: "required",
    });
    const call = answer.choices[0].message.tool_calls[0];
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "sim" });
  },

  async "responses"() {
    echoed((await client.responses.create({ model: openaiModel, input: prompt })).output_text);
  },

  async "responses stream"() {
    const stream = client.responses.stream({ model: openaiModel, input: prompt });
    echoed((await stream.finalResponse()).output_text);
  },

  async "embeddings"() {
    const answer = await client.embeddings.create({
      model: openaiEmbedding, input: ["one", "two"], dimensions: 8,
    });
    assert.deepEqual(answer.data.map((item) => item.embedding.length), [8, 8]);
  },

  async "models"() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.ok(names.includes(openaiModel), names.join(" "));
  },

  // It prefers OPENAI_BASE_URL to an endpoint of Azure's, and names the model in its paths.
  async "azure"() {
    if (direct) return;
    const azure = new AzureOpenAI();
    const answer = await azure.chat.completions.create({ model: openaiModel, messages });
    echoed(answer.choices[0].message.content);
    const error = await thrown(() =>
      azure.chat.completions.create({ model: refusedModel, messages }));
    assert.ok(error instanceof OpenAI.PermissionDeniedError, error.message);
  },

  async "refused model"() {
    const error = await thrown(() =>
      client.chat.completions.create({ model: refusedModel, messages }));
    const kind = direct ? OpenAI.NotFoundError : OpenAI.PermissionDeniedError;
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    assert.ok(error.code, "an error without a code");
  },

  async "cancelled stream"() {
    await abandoning(async () => {
      const stream = await client.chat.completions.create({
        model: openaiModel, messages, stream: true,
      });
      await some(3, stream);
      stream.controller.abort();
    });
    await chat();
  },
});
