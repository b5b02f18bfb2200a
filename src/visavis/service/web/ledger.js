// The ledger is verified here, in the browser. The desk gives bytes; whether they hold is worked out on this side.
// All that is said to the reader stands in the page (<template>, by name); nothing is put together from code.

import { Growing, HASH_BYTES, consistent, includes, joined, leafHash, ofHex, same } from "./merkle.js";
import { Malformed, canCheck, readKey, readNote, signedBy } from "./note.js";

const KEPT = "visavis ledger checkpoint";
const WIDTH = 256;
const MOST_FINDINGS = 20;
const AT_ONCE = 64;
const ASKS_AT_ONCE = 4;

const form = document.querySelector("#verify");
const list = document.querySelector("#findings");
const bar = document.querySelector("#progress");
const stop = document.querySelector("#stop");
const outcome = document.querySelector("#outcome");
const said = document.querySelector("#said");
const shown = { size: document.querySelector("#log-size"), root: document.querySelector("#log-root") };
const number = new Intl.NumberFormat(document.documentElement.lang);

class Stopped extends Error {}
class Unreadable extends Error {}

let running = null;

// Words: a template with places for what differs, each an element with data-fill.
function words(name, fill = {}) {
  const copy = document.querySelector(`template[data-says="${name}"]`).content.cloneNode(true);
  for (const place of copy.querySelectorAll("[data-fill]")) place.textContent = fill[place.dataset.fill] ?? "";
  return copy;
}

function tell(kind, name, fill) {
  const item = document.createElement("li");
  item.className = kind;
  item.dataset.name = name;
  item.append(document.querySelector(`template[data-icon="${kind}"]`).content.cloneNode(true));
  const text = document.createElement("span");
  text.append(words(kind));
  text.append(" ", words(name, fill));
  item.append(text);
  list.append(item);
}

async function get(path, kind) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, signal: running.signal });
  } catch (error) {
    if (running.signal.aborted) throw new Stopped();
    throw new Unreadable(path, { cause: error });
  }
  if (response.status === 401) {
    const answer = await response.json().catch(() => ({}));
    if (answer.sign_in) location.assign(answer.sign_in);
    throw new Stopped();
  }
  if (!response.ok) throw Object.assign(new Unreadable(path), { status: response.status });
  if (kind === "bytes") return new Uint8Array(await response.arrayBuffer());
  return response.json();
}

function split(bytes) {
  const lines = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from);
    if (end < 0) throw new Unreadable("leaves");
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return lines;
}

// What was kept from the last visit: a checkpoint, nothing about a person.
function kept(origin) {
  try {
    const note = readNote(localStorage.getItem(KEPT) ?? "");
    return note.origin === origin ? note : null;
  } catch {
    return null;
  }
}

function keep(note) {
  try {
    localStorage.setItem(KEPT, note.note);
    return true;
  } catch {
    return false;
  }
}

// Who signed one after the other, from a key that is trusted on; each exchange is in the log and signed by both.
async function chain(first, rotations) {
  const keys = [{ key: first, from: 0 }];
  for (const each of rotations) {
    const current = keys.at(-1).key;
    let details;
    try {
      details = JSON.parse(each.leaf).details;
      if ((await readKey(details.former)).text !== current.text) continue; // before the key that is trusted
      const next = await readKey(details.verifier_key);
      const note = readNote(each.note);
      const holds =
        note.size === each.index + 1 &&
        note.origin === current.name &&
        (await signedBy(note, current)) === "yes" &&
        (await signedBy(note, next)) === "yes" &&
        (await includes(
          await leafHash(new TextEncoder().encode(each.leaf)),
          each.index,
          note.size,
          each.hashes.map(ofHex),
          note.root,
        ));
      if (!holds) return { keys, broken: each.index };
      keys.push({ key: next, from: each.index });
    } catch (error) {
      if (error instanceof Malformed || error instanceof SyntaxError) return { keys, broken: each.index };
      throw error;
    }
  }
  return { keys, broken: null };
}

async function signature(note, keys) {
  let found = "none";
  for (const { key } of keys) {
    const answer = await signedBy(note, key);
    if (answer === "no") return "no";
    if (answer === "yes") found = "yes";
  }
  return found;
}

// Whether the checkpoint is signed, by whom, and whether that is the key that the reader has from elsewhere.
async function checkSignature(log, now, pasted, old) {
  if (!(await canCheck())) {
    tell("open", "no-ed25519");
    return;
  }
  const trusted = pasted ?? (await readKey(log.key));
  const { keys, broken } = await chain(trusted, pasted ? log.rotations : []);
  if (broken !== null) {
    tell("wrong", "rotation-broken", { index: number.format(broken) });
    return;
  }
  const answer = await signature(now, keys);
  if (answer === "yes") tell("right", pasted ? "signed-pasted" : "signed-shown", { id: keys.at(-1).key.id });
  else tell("wrong", answer === "no" ? "signature-wrong" : "signature-other", { id: trusted.id });
  if (pasted && keys.length > 1) tell("right", "rotated", { count: number.format(keys.length - 1) });
  if (!old) return;
  const all = pasted ? keys : (await known(log)).map((key) => ({ key }));
  const was = await signature(old, all);
  if (was === "no") tell("wrong", "old-signature-wrong");
  else if (was === "none") tell("open", "old-signature-other");
}

// All keys that the log says signed for it.
async function known(log) {
  const found = [await readKey(log.key)];
  for (const each of log.rotations) {
    try {
      found.push(await readKey(JSON.parse(each.leaf).details.former));
    } catch {
      // what it says of others is of no use
    }
  }
  return found;
}

async function checkOld(old, now, from) {
  if (old.size > now.size) {
    tell("wrong", `shorter-${from}`, { old: number.format(old.size), now: number.format(now.size) });
    return;
  }
  const { hashes } = await get(`/desk/ledger/log/consistency?old=${old.size}&new=${now.size}`);
  const holds = await consistent(old.size, now.size, hashes.map(ofHex), old.root, now.root);
  tell(holds ? "right" : "wrong", `${holds ? "grew" : "differs"}-${from}`, { old: number.format(old.size) });
}

function progress(done, all) {
  bar.max = all;
  bar.value = done;
  said.replaceChildren(words("progress", { done: number.format(done), all: number.format(all) }));
}

// Every entry: its bytes are hashed here, held against the tree, and lead to the root.
async function readAll(now, old) {
  const page = Number(form.dataset.page);
  const tree = new Growing();
  let [altered, oldHolds] = [0, null];
  for (let first = 0; first < now.size; first += page) {
    const count = Math.min(page, now.size - first);
    const lines = split(await get(`/desk/ledger/log/leaves/${first}?count=${count}`, "bytes"));
    const tiles = [];
    for (let tile = Math.floor(first / WIDTH); tile * WIDTH < first + count; tile += 1)
      tiles.push(await get(`/desk/ledger/log/tiles/0/${tile}`, "bytes"));
    const hashes = joined(...tiles);
    for (let at = 0; at < count; at += AT_ONCE) {
      const some = await Promise.all(lines.slice(at, Math.min(at + AT_ONCE, count)).map(leafHash));
      for (const [offset, hash] of some.entries()) {
        const start = (at + offset) * HASH_BYTES;
        if (!same(hash, hashes.slice(start, start + HASH_BYTES))) {
          altered += 1;
          if (altered <= MOST_FINDINGS) tell("wrong", "altered", { index: String(first + at + offset) });
        }
        await tree.append(hash);
        if (old && tree.size === old.size) oldHolds = same(await tree.root(), old.root);
      }
      if (running.signal.aborted) throw new Stopped();
    }
    if (lines.length !== count) {
      tell("wrong", "missing", { index: String(first + lines.length) });
      return;
    }
    progress(first + count, now.size);
  }
  if (altered > MOST_FINDINGS) tell("wrong", "more-altered", { count: number.format(altered - MOST_FINDINGS) });
  const holds = same(await tree.root(), now.root);
  tell(holds ? "right" : "wrong", holds ? "all-hold" : "root-differs", { all: number.format(now.size) });
  if (oldHolds === false) tell("wrong", "old-root-differs", { old: number.format(old.size) });
}

// Some entries at random: each with the hashes that lead from it to the root.
async function readSome(now) {
  const count = Math.min(Number(form.dataset.samples), now.size);
  const chosen = new Set([0, now.size - 1]);
  while (chosen.size < count) {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2));
    chosen.add(Math.floor(((high * 2 ** 21 + (low >>> 11)) / 2 ** 53) * now.size));
  }
  let [done, wrong] = [0, 0];
  const left = [...chosen];
  const one = async () => {
    while (left.length) {
      const index = left.pop();
      if (!(await checkEntry(index, now))) {
        wrong += 1;
        if (wrong <= MOST_FINDINGS) tell("wrong", "altered", { index: String(index) });
      }
      done += 1;
      progress(done, chosen.size);
    }
  };
  await Promise.all(Array.from({ length: ASKS_AT_ONCE }, one));
  if (!wrong) tell("right", "samples-hold", { count: number.format(done), all: number.format(now.size) });
}

async function checkEntry(index, now) {
  let found;
  try {
    found = await get(`/desk/ledger/log/inclusion/${index}?size=${now.size}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    return false; // an entry that isn't there
  }
  // Bytes that are no text come as other ones; those hash to something else, as they should.
  const hash = await leafHash(new TextEncoder().encode(found.leaf));
  return includes(hash, index, now.size, found.hashes.map(ofHex), now.root);
}

async function verify(given) {
  const log = await get("/desk/ledger/log");
  let now, pasted, old;
  try {
    now = readNote(log.note);
    await readKey(log.key);
  } catch {
    tell("wrong", "note-unreadable");
    return;
  }
  shown.size.textContent = number.format(now.size);
  shown.root.textContent = Array.from(now.root, (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    pasted = given.key ? await readKey(given.key) : null;
  } catch {
    tell("open", "key-unreadable");
    return;
  }
  try {
    old = given.checkpoint ? readNote(given.checkpoint) : null;
  } catch {
    tell("open", "checkpoint-unreadable");
    return;
  }
  if ((pasted && pasted.name !== now.origin) || (old && old.origin !== now.origin)) {
    tell("wrong", "other-ledger");
    return;
  }
  const last = kept(now.origin);
  await checkSignature(log, now, pasted, old ?? last);
  if (old) await checkOld(old, now, "pasted");
  if (last) await checkOld(last, now, "kept");
  if (!old && !last) tell("open", "no-earlier");
  if (given.index !== "") {
    const index = Number(given.index);
    if (!(Number.isInteger(index) && index >= 0 && index < now.size)) tell("open", "no-such-entry");
    else {
      const holds = await checkEntry(index, now);
      tell(holds ? "right" : "wrong", holds ? "entry-holds" : "altered", { index: String(index) });
    }
  } else if (given.how === "all" && now.size <= Number(form.dataset.whole)) {
    await readAll(now, old && old.size <= now.size ? old : last && last.size <= now.size ? last : null);
  } else {
    if (given.how === "all") tell("open", "too-long", { most: number.format(Number(form.dataset.whole)) });
    await readSome(now);
  }
  if (!list.querySelector(".wrong") && keep(now)) tell("right", "kept", { now: number.format(now.size) });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (running) return;
  running = new AbortController();
  list.replaceChildren();
  outcome.replaceChildren();
  said.replaceChildren();
  bar.hidden = stop.hidden = false;
  bar.removeAttribute("value");
  const given = Object.fromEntries(new FormData(form));
  for (const name of ["key", "checkpoint", "index"]) given[name] = (given[name] ?? "").trim();
  if (given.checkpoint) given.checkpoint = `${given.checkpoint}\n`;
  let was = "";
  try {
    await verify(given);
    was = list.querySelector(".wrong") ? "outcome-wrong" : "outcome-right";
  } catch (error) {
    if (error instanceof Stopped) was = "outcome-stopped";
    else if (error instanceof Unreadable && error.status === 503) was = "outcome-damaged";
    else was = "outcome-unreadable";
    if (!(error instanceof Stopped || error instanceof Unreadable)) console.error(error);
  }
  if (list.querySelector(".wrong")) was = "outcome-wrong";
  else if (was === "outcome-right" && list.querySelector('[data-name$="unreadable"], [data-name="no-such-entry"]')) was = "outcome-nothing";
  outcome.replaceChildren(words(was));
  outcome.dataset.outcome = was;
  bar.hidden = stop.hidden = true;
  running = null;
  outcome.focus();
});

stop.addEventListener("click", () => running?.abort());
document.querySelector("#forget").addEventListener("click", () => {
  try {
    localStorage.removeItem(KEPT);
  } catch {
    // where nothing can be kept nothing is
  }
  said.replaceChildren(words("forgotten"));
});

const index = new URLSearchParams(location.search).get("entry");
if (index) form.elements.index.value = index;
document.querySelector("#without").hidden = true;
if (globalThis.crypto?.subtle) form.hidden = false;
else document.querySelector("#insecure").hidden = false;
