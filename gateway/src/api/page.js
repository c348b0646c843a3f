"use strict";
// Asks every second and draws everything anew. All text goes in as text, never as markup.
const POLL_MS = 1000, PATIENCE_MS = 2500, VIEW_AGE_MAX_MS = 2000, SOON_S = 600;
const $ = (id) => document.getElementById(id);
let last = null, lastAt = 0, failure = "";

function el(tag, className, ...inside) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...inside.filter((x) => x !== null && x !== undefined && x !== ""));
  return node;
}
const put = (id, ...nodes) => $(id).replaceChildren(...nodes);
const none = (text) => el("p", "none", text);
// Only known words become class names.
const tag = (word, text) => el("span", "tag " + String(word).replace(/[^a-z]/g, ""), text || word);
const time = (wall) => (wall ? String(wall).slice(11, 19) : "");
// `words in back quotes` are what to type.
const line = (text) => text.split("`").map((part, i) => (i % 2 ? el("code", "", part) : part));

function span(seconds) {
  const s = Math.floor(Math.abs(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h} h ${two(m)} min` : m ? `${m} min ${two(s % 60)} s` : `${s} s`;
}

// Engine seconds since the answer came, so that the count-downs run between two answers.
const since = () => ((performance.now() - lastAt) / 1000) * last.clock_speed;

function clock(name, hint, interval) {
  const box = el("div", "");
  box.append(el("h3", "", name, " ", el("span", "dim", hint)));
  if (!interval) {
    box.append(el("p", "left dim", "–"), el("p", "reason", "no hazard known"));
    return box;
  }
  const earliest = interval.earliest_left_s - since(), likely = interval.likely_left_s - since();
  const say = (s) => (s > 0 ? span(s) : `since ${span(s)}`);
  box.append(
    el("p", "left" + (earliest < SOON_S ? " soon" : ""), earliest > 0 ? say(earliest) : `due ${say(earliest)}`),
    el("p", "", `at the earliest, ${time(interval.earliest_wall)}`),
    el("p", "likely", likely > 0 ? `likely in ${say(likely)}, ${time(interval.likely_wall)}` : `likely ${say(likely)}`),
    el("p", "reason", interval.why),
  );
  return box;
}

function runway() {
  put("runway", clock("LOSS", "by the fire", last.runway.loss), clock("CUT", "by order", last.runway.cut));
}

function head() {
  document.title = `${last.level.toUpperCase()} · ${last.site} · Muster`;
  put("headline", ...last.headline.map((text) => el("div", text.startsWith("SIM") ? "simulation" : "disarmed", text)));
  $("hero").className = "level-" + last.level;
  put("level", last.level.toUpperCase());
  put("why", last.why);
  put("now", `${String(last.now_wall).slice(0, 10)} ${time(last.now_wall)}${last.clock_speed > 1 ? `, clock ×${last.clock_speed}` : ""}`);
  const n = last.troubles.length;
  put("trouble-chip", n ? el("b", "chip", n === 1 ? "1 trouble" : `${n} troubles`) : "");
  put("next", ...last.next.map((text) => el("li", "", ...line(text))));
}

function lists() {
  put("zones", ...last.zones.map((z) => el("div", "item " + z.level, el("b", "", z.id), " ", tag(z.level),
    el("div", "", `${z.groups_healthy} of ${z.groups_total} groups healthy`), el("div", "reason", z.why))));
  const votes = last.votes.map((v) => el("div", "item " + (v.held ? "evacuate" : "prepare"), el("b", "", v.group), ` in ${v.zone} `,
    tag(v.held ? "held" : "returned"), el("div", "", `since ${time(v.onset_wall)}`), el("div", "reason", v.why)));
  put("votes", ...(votes.length ? votes : [none("No group votes.")]));
  const troubles = last.troubles.map((t) => el("div", "item trouble", el("b", "", t.subject), el("div", "", t.line),
    el("div", "reason", `since ${time(t.since_wall)}`)));
  $("trouble-box").className = troubles.length ? "present" : "";
  put("troubles", ...(troubles.length ? troubles : [none("None.")]));
  put("orders", ...(last.orders.length ? last.orders.map((o) => el("div", "item order", ...line(o))) : [none("No order stands or waits.")]));
}

const row = (...cells) => el("tr", "", ...cells.map((c) => (c instanceof Node && c.tagName === "TD" ? c : el("td", "", ...[c].flat()))));
const titles = (...words) => el("tr", "", ...words.map((w) => el("th", "", w)));

function workloads(incident) {
  const all = incident ? [...incident.workloads].sort((a, b) => a.tier - b.tier) : [];
  const safe = all.filter((w) => w.safe_at !== null).length;
  const drill = incident && incident.mode === "drill";
  put("incident", incident ? `${incident.id}, opened ${time(incident.opened_wall)}${incident.closed ? `, closed ${time(incident.closed_wall)}` : ""} ` : "",
    drill ? tag("drill") : "");
  put("count", all.length ? `${safe} of ${all.length} ${drill ? "rehearsed" : "safe"}` : el("span", "none", "No incident."));
  $("bar").hidden = !all.length;
  $("bar").max = Math.max(all.length, 1);
  $("bar").value = safe;
  put("workloads-head", all.length ? titles("Tier", "Workload", "State", "Way", "Why") : "");
  put("workloads", ...all.map((w) => row(String(w.tier), el("td", "id", w.id),
    [tag(w.state), w.safe_at === null ? "" : ` ${time(w.safe_at_wall)}`], w.rung, el("td", "reason", w.why))));
}

function bar(percent) {
  const node = el("progress", "");
  node.max = 100;
  node.value = percent;
  return [node, `${percent} %`];
}

// What needs eyes comes first: stuck, then under way, then ended with the newest on top.
const urgency = (s) => (s.stuck ? 0 : s.ended === null ? 1 : 2);

function steps(incident) {
  const all = incident ? incident.steps.map((s, i) => ({ ...s, i })) : [];
  all.sort((a, b) => urgency(a) - urgency(b) || b.i - a.i);
  $("steps-box").hidden = !all.length;
  put("steps-head", titles("Step and last word", "State", "Progress", "Begun", "Ended"));
  // The hook's last word stands under its step: in a column of its own it would be the first to be pushed off a narrow screen.
  put("steps", ...all.map((s) => row(el("td", "id", s.id, s.note ? el("div", "reason", s.note) : ""),
    [tag(s.state), s.attempts > 1 ? ` ${s.attempts} calls` : "", s.stuck ? " " : "", s.stuck ? tag("stuck") : "", s.mode === "drill" ? " " : "", s.mode === "drill" ? tag("drill") : ""],
    s.percent === null ? "" : bar(s.percent), time(s.begun_wall), time(s.ended_wall))));
}

function contact() {
  const age = (performance.now() - lastAt) / 1000;
  const lost = !last || age * 1000 > PATIENCE_MS;
  const dumb = last && last.view_age_ms > VIEW_AGE_MAX_MS;
  document.body.className = lost || dumb ? "silent" : "";
  if (lost || dumb) {
    document.title = "NO CONTACT · Muster";
    const since = last ? `What you see below is ${span(dumb && !lost ? last.view_age_ms / 1000 : age)} old. ` : "Nothing is known yet. ";
    const cause = dumb && !lost ? "The gateway answers, but its decision loop is silent. " : failure;
    put("contact", "NO CONTACT WITH MUSTER", el("small", "", since + cause + " Watch the room by other means, and look whether Muster still runs."));
  }
  put("updated", last ? `last update ${Math.round(age)} s ago` : "");
}

async function ask() {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 2000);
  try {
    const answer = await fetch("/api/v1/status", { signal: stop.signal, cache: "no-store" });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const status = await answer.json();
    if (status.schema !== 1) throw new Error("another version; reload this page");
    last = status;
    lastAt = performance.now();
    head(); runway(); lists(); workloads(last.incident); steps(last.incident);
    put("channels", `${last.channels_good} of ${last.channels_total} channels good`);
    put("version", `Muster ${last.version}`);
  } catch (e) {
    failure = e.name === "AbortError" ? "No answer within 2 s." : `${e.message}.`;
  } finally {
    clearTimeout(timer);
    contact();
    setTimeout(ask, POLL_MS);
  }
}

setInterval(() => { if (last) runway(); contact(); }, 250);
ask();
