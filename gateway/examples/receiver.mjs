#!/usr/bin/env node
// Reference receiver for Muster's webhooks: Node 18 or later, nothing to install.
//
// It shows everything a hook must get right, and carries out nothing but a line in a file. To make it yours, change
// `carryOut` and `isSafe`; the rest can stay. The contract is in HOOKS.md.
//
//     MUSTER_HOOK_SECRET=whsec_... node receiver.mjs --port 9000 --db receiver.log --work-seconds 20
//
// What it gets right, and where:
//   authentic     the signature covers id, time and body; older than five minutes is refused    authentic
//   exactly once  a key's end and its effect are one line on disk: both, or neither             Store.write
//   fenced        a token lower than one acted on is refused, when asked and again when done    admit, finish
//   large tokens  a token has 64 bits, and a number of JavaScript's has 53                      parsed
//   drills        take the same way and change nothing                                          finish
//   slow work     is answered 202 at once; progress is pushed, and told at `Location`           work
//   restarts      go on where they were, kill -9 included                                       Store, resume
import { createHmac, timingSafeEqual, randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const TOLERANCE_S = 5 * 60; // Standard Webhooks: an older (or later) timestamp may be a replay.
const MAX_BODY = 64 * 1024; // CloudEvents: nobody has to forward more than this.
const PROGRESS_EVERY_MS = 1000; // Often enough for a person who watches.
const PROGRESS_TIMEOUT_MS = 5000; // The gateway may be what is burning.
const PROGRESS_TRIES = 60; // After that the gateway has to ask, at `Location` or by calling again.

const say = (line) => console.log(line);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What must survive: a file of lines, each one change, written through before anybody is answered. */
class Store {
  steps = new Map(); // key -> { data, state, note, told }
  fences = new Map(); // "mode workload" -> highest token acted on, a BigInt
  effects = new Map(); // key -> how often; here stands for your orchestrator

  constructor(path) {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    // A kill tears the last line at most; it was never answered for.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    whole.split("\n").filter(Boolean).forEach((line) => this.apply(JSON.parse(line)));
    this.file = openSync(path, "a", 0o600);
    if (whole.length < text.length) ftruncateSync(this.file, Buffer.byteLength(whole));
  }

  /** One line is one transaction. */
  write(change) {
    writeSync(this.file, JSON.stringify(change) + "\n");
    fsyncSync(this.file); // A power cut is the very case this is for.
    this.apply(change);
  }

  apply({ key, data, state, note, told, fence, effect }) {
    const step = this.steps.get(key) ?? { told: false };
    if (data) step.data = data;
    if (state) [step.state, step.note] = [state, note ?? ""];
    if (told) step.told = true;
    this.steps.set(key, step);
    if (fence) this.fences.set(fenceOf(step.data), BigInt(fence));
    if (effect) this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
  }

  fence(data) {
    return this.fences.get(fenceOf(data)) ?? 0n;
  }
}

const fenceOf = (data) => `${data.mode} ${data.workload}`; // Drills have a fence of their own.

/** Takes a step, or says what became of it. Nothing in here waits, so nobody comes in between. */
function admit(store, key, data, atOnce) {
  const known = store.steps.get(key);
  // A step that has ended is answered as it ended, whatever came later: this changes nothing any more.
  if (known && known.state !== "running") return { status: known.state === "done" ? 200 : 422, note: known.note };
  const fence = store.fence(data);
  if (BigInt(data.token) < fence) return { status: 409, note: `token ${data.token} is lower than ${fence}` };
  if (known) return { status: 202, note: "already under way" };
  if (data.phase === "verify") return verify(store, data);
  store.write({ key, data, state: "running", fence: data.token });
  if (!atOnce) return { status: 202, note: "accepted", isNew: true };
  const { state, note } = finish(store, key, data, true);
  return { status: state === "done" ? 200 : 422, note };
}

/** Records the effect and the end of a step together: both or neither. */
function finish(store, key, data, told) {
  // The fence may have risen while we worked; whoever raised it has taken this workload over.
  const overtaken = BigInt(data.token) < store.fence(data);
  const effect = !overtaken && data.mode === "live";
  const state = overtaken ? "failed" : "done";
  const did = data.mode === "drill" ? "drill: nothing was changed" : "effect recorded";
  const note = overtaken ? "overtaken by a later step" : did;
  store.write({ key, state, note, effect, told });
  return { state, note };
}

/** Has the evacuation that this step asks about really taken place? A question: remembered nowhere, and moves no fence. */
function verify(store, data) {
  const evacuation = keyOf(data, "evacuate", data.destination);
  const step = store.steps.get(evacuation);
  if (!step) return verifyHome(store, data);
  if (step.state === "running") return { status: 503, note: "not yet" }; // Neither yes nor no: the gateway asks again.
  if (step.state === "done" && isSafe(store, evacuation, data)) return { status: 200, note: "verified" };
  return { status: 422, note: "not evacuated" };
}

/** Nothing was evacuated to there: it is the site itself, and the question is whether the workload is home again. */
function verifyHome(store, data) {
  const back = keyOf(data, "restore", null);
  // A restore counts only as the last thing that was done to the workload.
  const last = [...store.steps].filter(([key, step]) =>
    (key === back || key.startsWith(`${back}.`)) && BigInt(step.data.token) >= store.fence(data));
  if (last.some(([, step]) => step.state === "running")) return { status: 503, note: "not yet" };
  const isHome = last.some(([key, step]) => step.state === "done" && isSafe(store, key, data));
  return isHome ? { status: 200, note: "at home" } : { status: 422, note: "neither evacuated nor restored" };
}

/** YOURS: ask the world, not your own notes, whether the evacuation or the restore with this key really took place.
 * An orchestrator's "evacuated" is not yet empty. */
function isSafe(store, key, data) {
  return data.mode === "drill" || store.effects.has(key);
}

/** YOURS: move, fail over, stop. It may be called again for the same key after a crash, so it must bear that. */
async function carryOut(key, data, { seconds, percents, tell }) {
  for (let began = Date.now(), left; (left = began + seconds * 1000 - Date.now()) > 0; ) {
    percents.set(key, Math.floor(100 - left / (seconds * 10)));
    tell(data, { state: "running", percent: percents.get(key) });
    await pause(Math.min(PROGRESS_EVERY_MS, left));
  }
}

/** The key of what a verify step asks about: the same workload and rung in another phase. */
function keyOf(data, phase, destination) {
  const parts = [data.incident, data.workload, data.rung, phase].concat(destination ?? []);
  return (data.mode === "drill" ? "drill." : "") + parts.join(".");
}

/** Carries out steps that take time, and tells the gateway how they go on. */
function work(store, seconds) {
  const percents = new Map();
  let unheard = false;
  /** True when there is no use in trying again: it was taken, or it was refused. */
  async function tell(data, report) {
    const headers = { "content-type": "application/json", authorization: `Bearer ${data.progress_token}` };
    try {
      // No redirect: the URL came signed, and is called as it stands.
      const answer = await fetch(data.progress_url, {
        method: "POST", headers, body: JSON.stringify(report), redirect: "manual",
        signal: AbortSignal.timeout(PROGRESS_TIMEOUT_MS),
      });
      await answer.arrayBuffer();
      if (answer.ok) return !(unheard = false);
      throw Object.assign(new Error(`answered ${answer.status}`), { status: answer.status });
    } catch (error) {
      if (!unheard) say(`progress is not heard at ${data.progress_url}: ${error.message}`);
      unheard = true;
      return error.status >= 400 && error.status < 500 && ![408, 429].includes(error.status);
    }
  }
  async function tellEnd(key, data, state, note) {
    for (let tries = 0; tries < PROGRESS_TRIES; tries += 1) {
      if (await tell(data, { state, note })) return store.write({ key, told: true });
      await pause(1000);
    }
  }
  async function run(key, data) {
    await carryOut(key, data, { seconds, percents, tell });
    const { state, note } = finish(store, key, data, false);
    percents.delete(key);
    say(`${state} ${key}: ${note}`);
    await tellEnd(key, data, state, note);
  }
  /** After a restart: go on with what was running, and tell what had ended but was not told. */
  function resume() {
    for (const [key, { data, state, note, told }] of [...store.steps].filter(([, step]) => !step.told)) {
      say(`resumed ${state} ${key}`);
      if (state === "running") run(key, data);
      else tellEnd(key, data, state, note);
    }
  }
  return { run, resume, percents, atOnce: seconds <= 0 };
}

/** Whether the gateway sent exactly this, just now. */
function authentic(secret, headers, body) {
  const [key, stamp] = [headers["webhook-id"], headers["webhook-timestamp"]];
  if (!key || !/^\d{1,12}$/.test(stamp ?? "") || Math.abs(Date.now() / 1000 - Number(stamp)) > TOLERANCE_S) return false;
  const right = createHmac("sha256", secret).update(`${key}.${stamp}.`).update(body).digest();
  // There may be several, separated by spaces, while a secret is being changed.
  return (headers["webhook-signature"] ?? "").split(" ").some((one) => {
    const shown = one.startsWith("v1,") ? Buffer.from(one.slice(3), "base64") : Buffer.alloc(0);
    return shown.length === right.length && timingSafeEqual(shown, right);
  });
}

/** JSON whose long whole numbers stay what they are: a token has 64 bits, and JavaScript's numbers have 53. */
function parsed(text) {
  const mark = `int-${randomBytes(8).toString("hex")}:`;
  const number = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const marked = text.replace(number, (word) => (/^\d{16,20}$/.test(word) ? `"${mark}${word}"` : word));
  const whole = (_, value) => (typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value);
  return JSON.parse(marked, whole);
}

/** The event's data, if it is one of ours and the signed header speaks of the same step. */
function checked(event, key) {
  const need = (holds, what) => {
    if (!holds) throw new Error(what);
  };
  need(event?.id === key, "its id is not the webhook-id");
  const data = event.data ?? {};
  for (const field of ["incident", "step", "workload", "progress_url", "progress_token"])
    need(typeof data[field] === "string", `${field} is not text`);
  const words = { mode: ["live", "drill"], phase: ["prepare", "evacuate", "verify", "restore"], rung: ["move", "failover", "stop"] };
  for (const [field, known] of Object.entries(words)) need(known.includes(data[field]), `${field} is none of ${known}`);
  need(data.destination === null || typeof data.destination === "string", "destination is not text");
  const isToken = typeof data.token === "bigint" || Number.isSafeInteger(data.token);
  need(isToken && data.token >= 0 && BigInt(data.token) < 2n ** 64n, "token is not an unsigned 64-bit integer");
  const { mode, incident, step, phase, workload, rung, destination, progress_url, progress_token } = data;
  return { mode, incident, step, phase, workload, rung, destination, progress_url, progress_token, token: `${data.token}` };
}

/** The whole body; null where it is larger than anybody has to take. */
async function bodyOf(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length <= MAX_BODY) pieces.push(piece); // Else it is read and dropped, so that the peer hears the answer.
    if (length > MAX_BODY * 16) return null;
  }
  return length <= MAX_BODY ? Buffer.concat(pieces) : null;
}

function answer(response, status, note, headers = {}, kind = "text/plain; charset=utf-8") {
  const body = Buffer.from(kind.startsWith("text") ? `${note}\n` : note);
  response.writeHead(status, { "content-type": kind, "content-length": body.length, ...headers }).end(body);
}

function post(at, request, response, body) {
  const key = request.headers["webhook-id"];
  let data;
  try {
    data = checked(parsed(body.toString("utf8")), key);
  } catch (error) {
    return answer(response, 400, `not an event of Muster's: ${error.message}`);
  }
  const { status, note, isNew } = admit(at.store, key, data, at.work.atOnce);
  say(`${status} ${data.mode} ${key} token=${data.token}: ${note}`);
  answer(response, status, note, status === 202 ? { location: `/steps/${encodeURIComponent(key)}` } : {});
  if (isNew) at.work.run(key, data);
}

/** `Location` of a 202: how the step goes on. Signed like the call, over an empty body. */
function get(at, request, response) {
  // For `muster hooks test --effects`: how often each key had its effect.
  const effects = () => ({ effects: Object.fromEntries(at.store.effects) });
  if (request.url === "/effects") return answer(response, 200, JSON.stringify(effects()), {}, "application/json");
  const key = request.headers["webhook-id"];
  const step = at.store.steps.get(key);
  if (!step) return answer(response, 404, "unknown step");
  const percent = step.state === "running" ? at.work.percents.get(key) : undefined;
  answer(response, 200, JSON.stringify({ state: step.state, note: step.note, percent }), {}, "application/json");
}

async function serve(at, request, response) {
  const body = await bodyOf(request);
  if (body === null) return answer(response, 413, `a body of at most ${MAX_BODY} bytes`, { connection: "close" });
  if (!authentic(at.secret, request.headers, body)) return answer(response, 401, "signature or timestamp refused");
  if (request.method === "POST") return post(at, request, response, body);
  if (request.method === "GET" || request.method === "HEAD") return get(at, request, response);
  answer(response, 405, "GET or POST");
}

function secretOf(text) {
  const secret = Buffer.from(text?.startsWith("whsec_") ? text.slice(6) : "", "base64");
  if (secret.length >= 24 && secret.length <= 64) return secret;
  console.error("MUSTER_HOOK_SECRET is needed: whsec_ and the base64 of 24 to 64 bytes");
  return process.exit(64);
}

const text = (fallback) => ({ type: "string", default: fallback });
const options = { bind: text("127.0.0.1"), port: text("9000"), db: text("receiver.log"), "work-seconds": text("0") };
const { values } = parseArgs({ options });
const store = new Store(values.db);
const at = { store, secret: secretOf(process.env.MUSTER_HOOK_SECRET), work: work(store, Number(values["work-seconds"])) };
const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
  // A peer that went away is no news; anything else is answered, and said.
  serve(at, request, response).catch((error) => {
    if (request.destroyed) return;
    say(`500 ${error.stack}`);
    if (!response.headersSent) answer(response, 500, "not now");
  });
});
server.listen(Number(values.port), values.bind, () => {
  say(`listening on ${values.bind}:${server.address().port}`);
  at.work.resume();
});
process.on("SIGTERM", () => {
  closeSync(store.file);
  process.exit(0);
});
