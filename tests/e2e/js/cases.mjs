// Cases of one SDK: named functions, run in order, one line each.
//
// The SDKs are configured by their environment variables alone; what this
// module reads is only what to expect.

import assert from "node:assert/strict";

export const direct = process.env.SIDEGATE_E2E_THROUGH === "direct";
const sim = process.env.SIDEGATE_E2E_SIM ?? "";

// A model that the caller may not use: refused by the sidecar's policy, unknown
// to the provider.
export const refusedModel = direct ? "does-not-exist" : "gpt-3.5-turbo";
export const refusedStatus = direct ? 404 : 403;
export const openaiModel = "gpt-4o-mini";
export const anthropicModel = "claude-haiku-4-5";
export const geminiModel = "gemini-2.5-flash";
export const openaiEmbedding = "text-embedding-3-small";
export const geminiEmbedding = "gemini-embedding-001";
export const prompt = "Say hello to the neighbours";

export const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** Runs every case of `sdk`, in order. */
export async function run(sdk, cases) {
  for (const [name, body] of Object.entries(cases)) {
    try {
      await body();
      console.log(`ok    ${sdk.padEnd(22)} ${name}`);
    } catch (error) {
      const line = `${error?.constructor?.name}: ${error?.message}`.replaceAll("\n", " ");
      console.log(`FAIL  ${sdk.padEnd(22)} ${name}: ${line.slice(0, 400)}`);
      console.error(error);
    }
  }
  // Kept-alive connections must not keep the process.
  process.exit(0);
}

/** The simulator's answer ends with the prompt. */
export function echoed(text) {
  assert.ok(text?.endsWith(prompt), `not an echo: ${text}`);
}

/** The error that was thrown. */
export async function thrown(body) {
  try {
    await body();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

/** The first `count` items of a stream, read one by one and not to the end. */
export async function some(count, stream) {
  const iterator = stream[Symbol.asyncIterator]();
  for (let index = 0; index < count; index += 1) await iterator.next();
}

async function simulator(method, path, body) {
  const answer = await fetch(`${sim}${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  return answer.json();
}

/**
 * Runs `body` while the provider streams 400 events, 20 ms apart (8 s); the
 * provider must then have seen its client go, and billed a part of the answer.
 */
export async function abandoning(body) {
  if (!sim) return body();
  const before = await simulator("GET", "/_sim/answers");
  const last = (await simulator("GET", "/_sim/bill")).entries.at(-1)?.id ?? 0;
  await simulator("PUT", "/_sim/answers", { events: 400, "pause-ms": 20 });
  try {
    await body();
    const entry = await ended(last);
    assert.equal(entry.outcome, "client_gone");
    assert.ok(entry.output_tokens < 400, `${entry.output_tokens} tokens`);
  } finally {
    await simulator("PUT", "/_sim/answers", before);
  }
}

async function ended(last) {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const { entries } = await simulator("GET", "/_sim/bill");
    const entry = entries.filter((entry) => entry.id > last && entry.stream).at(-1);
    if (entry && entry.outcome !== "open") return entry;
    assert.ok(Date.now() < deadline, "the stream was left open");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
