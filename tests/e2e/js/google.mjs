// The Google Gen AI SDK: generate, stream, embed, count, models.

import assert from "node:assert/strict";
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";
import {
  abandoning, echoed, geminiEmbedding, geminiModel, prompt, refusedModel, refusedStatus, run,
  schema, some, thrown,
} from "./cases.mjs";

const client = new GoogleGenAI({});
const asked = { model: geminiModel, contents: prompt };
const forced = {
  tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: schema }] }],
  toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } },
};

async function chat() {
  const answer = await client.models.generateContent(asked);
  echoed(answer.text);
  assert.ok(answer.usageMetadata.totalTokenCount > 0);
}

await run("js/google-genai", {
  chat,

  async "chat stream"() {
    let text = "";
    let chunks = 0;
    for await (const chunk of await client.models.generateContentStream(asked)) {
      text += chunk.text ?? "";
      chunks += 1;
    }
    echoed(text);
    assert.ok(chunks > 1, "one chunk is no stream");
  },

  async "tools"() {
    const answer = await client.models.generateContent({ ...asked, config: forced });
    assert.deepEqual(answer.functionCalls[0].args, { city: "sim" });
  },

  async "embeddings"() {
    const answer = await client.models.embedContent({
      model: geminiEmbedding, contents: ["one", "two"], config: { outputDimensionality: 8 },
    });
    assert.deepEqual(answer.embeddings.map((item) => item.values.length), [8, 8]);
  },

  async "count tokens"() {
    assert.ok((await client.models.countTokens(asked)).totalTokens > 0);
  },

  async "models"() {
    const names = [];
    for await (const model of await client.models.list()) names.push(model.name);
    assert.ok(names.includes(`models/${geminiModel}`), names.join(" "));
  },

  async "refused model"() {
    const error = await thrown(() =>
      client.models.generateContent({ ...asked, model: refusedModel }));
    assert.ok(error instanceof ApiError, `${error.constructor.name}: ${error.message}`);
    assert.equal(error.status, refusedStatus);
  },

  async "cancelled stream"() {
    await abandoning(async () => {
      const abort = new AbortController();
      const stream = await client.models.generateContentStream({
        ...asked, config: { abortSignal: abort.signal },
      });
      await some(3, stream);
      abort.abort();
    });
    await chat();
  },
});
