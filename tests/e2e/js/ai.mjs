// The AI SDK with its OpenAI and Anthropic providers.

import assert from "node:assert/strict";
import { anthropic } from "@ai-sdk/anthropic";
import { openai } from "@ai-sdk/openai";
import { APICallError, embedMany, generateObject, generateText, jsonSchema, streamText, tool } from "ai";
import {
  abandoning, anthropicModel, echoed, openaiEmbedding, openaiModel, prompt, refusedModel,
  refusedStatus, run, schema, some, thrown,
} from "./cases.mjs";

const tools = { weather: tool({ inputSchema: jsonSchema(schema) }) };

// What every language model is put through.
function language(model, refused) {
  async function chat() {
    const answer = await generateText({ model, prompt });
    echoed(answer.text);
    assert.ok(answer.usage.outputTokens > 0);
  }
  return {
    chat,

    async "chat stream"() {
      let text = "";
      for await (const piece of streamText({ model, prompt }).textStream) text += piece;
      echoed(text);
    },

    async "tools"() {
      const answer = await generateText({ model, prompt, tools, toolChoice: "required" });
      assert.deepEqual(answer.toolCalls[0].input, { city: "sim" });
    },

    async "tools stream"() {
      const answer = streamText({ model, prompt, tools, toolChoice: "required" });
      assert.deepEqual((await answer.toolCalls)[0].input, { city: "sim" });
    },

    async "object"() {
      const answer = await generateObject({ model, prompt, schema: jsonSchema(schema) });
      assert.deepEqual(answer.object, { city: "sim" });
    },

    async "refused model"() {
      const error = await thrown(() => generateText({ model: refused, prompt }));
      assert.ok(APICallError.isInstance(error), `${error.constructor.name}: ${error.message}`);
      assert.equal(error.statusCode, refusedStatus);
      assert.equal(error.isRetryable, false);
    },

    async "cancelled stream"() {
      await abandoning(async () => {
        const abort = new AbortController();
        const answer = streamText({
          model, prompt, abortSignal: abort.signal, onError() {},
        });
        await some(3, answer.textStream);
        abort.abort();
      });
      await chat();
    },
  };
}

function prefixed(prefix, cases) {
  return Object.fromEntries(Object.entries(cases).map(([name, body]) => [`${prefix} ${name}`, body]));
}

await run("js/ai", {
  ...prefixed("openai", language(openai(openaiModel), openai(refusedModel))),
  ...prefixed("openai-chat", language(openai.chat(openaiModel), openai.chat(refusedModel))),
  ...prefixed("anthropic", language(anthropic(anthropicModel), anthropic(refusedModel))),

  async "openai embeddings"() {
    const model = openai.embedding(openaiEmbedding);
    const answer = await embedMany({ model, values: ["one", "two"] });
    assert.equal(answer.embeddings.length, 2);
  },
});
