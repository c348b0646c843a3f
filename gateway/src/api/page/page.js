"use strict";
// Puts each frame's parts in the place of the last one's. The gateway has drawn and escaped them; nothing is made here.
const SILENT_MS = 5000, POLL_AFTER_MS = 3000;
// Not relative: an address with a name and a token in it, as a bookmark may have, is refused for requests.
const LIVE = location.origin + "/live", PAGE = location.origin + "/";
let heard = performance.now(), stream = null, asking = false;

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("frame");
  if (!fresh) throw new Error("no frame");
  document.getElementById("frame").className = fresh.className;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old) return location.reload();
    if (old.className !== part.className) old.className = part.className;
    // The banner's time begins anew with every frame; all else is left alone unless it changed.
    if (part.dataset.part === "always" || old.innerHTML !== part.innerHTML) old.replaceChildren(...part.childNodes);
  }
  const level = document.getElementById("level").textContent, site = document.querySelector("#site b").textContent;
  document.title = `${level} · ${site} · Muster`;
  heard = performance.now();
  say("");
}

function say(text) {
  const said = document.getElementById("said");
  if (said.textContent !== text) said.textContent = text;
}

function listen() {
  if (stream) stream.close();
  stream = new EventSource(LIVE);
  stream.addEventListener("page", (event) => show(event.data));
}

// Without a stream the page asks; a proxy may hold streams back, and all places may be taken.
async function ask() {
  if (asking) return;
  asking = true;
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 2000);
  try {
    const answer = await fetch(PAGE, { signal: stop.signal, cache: "no-store" });
    if (answer.ok) show(await answer.text());
  } catch {
    // The banner says it.
  } finally {
    clearTimeout(timer);
    asking = false;
  }
}

setInterval(() => {
  const silent = performance.now() - heard;
  // Not again and again: a screen reader would speak all the time.
  if (silent > SILENT_MS) {
    say("Not live");
    document.title = "NOT LIVE · Muster";
  }
  if (silent > POLL_AFTER_MS) ask();
  if (stream.readyState === EventSource.CLOSED) listen();
}, 1000);
listen();
