// Checkpoints: C2SP tlog-checkpoint in a C2SP signed note, and Ed25519 by the browser itself, where it has it.

import { HASH_BYTES, hexOf, joined, same, sha256 } from "./merkle.js";

const ED25519 = 1;
const ID_BYTES = 4;
const MAX_NOTE = 65536;
const LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/;
const SIZE = /^(0|[1-9][0-9]{0,14})$/;

export class Malformed extends Error {}

const encoded = (text) => new TextEncoder().encode(text);

function base64(text) {
  let plain;
  try {
    plain = atob(text);
  } catch {
    throw new Malformed("base64");
  }
  if (btoa(plain) !== text) throw new Malformed("base64");
  return Uint8Array.from(plain, (each) => each.charCodeAt(0));
}

// name+id+key, whose id is a digest of the rest.
export async function readKey(text) {
  const matched = /^([^\s+]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  if (!matched) throw new Malformed("key");
  const [, name, id, rest] = matched;
  const content = base64(rest);
  if (content.length !== 33 || content[0] !== ED25519) throw new Malformed("key");
  const digest = await sha256(joined(encoded(`${name}\n`), content));
  if (hexOf(digest.slice(0, ID_BYTES)) !== id) throw new Malformed("key");
  return { name, id, public: content.slice(1), text: text.trim() };
}

// What a note says, and its signatures, of which none is checked yet.
export function readNote(note) {
  const text = note.replaceAll("\r\n", "\n");
  const whole = text.endsWith("\n") ? text : `${text}\n`;
  const gap = whole.lastIndexOf("\n\n");
  if (gap < 1 || encoded(whole).length > MAX_NOTE) throw new Malformed("note");
  const said = whole.slice(0, gap + 1);
  const lines = whole.slice(gap + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const matched = LINE.exec(line);
    if (!matched) throw new Malformed("signature");
    const content = base64(matched[2]);
    if (content.length <= ID_BYTES) throw new Malformed("signature");
    return { name: matched[1], id: hexOf(content.slice(0, ID_BYTES)), signature: content.slice(ID_BYTES) };
  });
  const [origin, size, root] = said.split("\n");
  if (!origin || !SIZE.test(size ?? "") || !root) throw new Malformed("checkpoint");
  const hash = base64(root);
  if (hash.length !== HASH_BYTES) throw new Malformed("root");
  return { note: whole, text: said, origin, size: Number(size), root: hash, signatures };
}

// Whether this browser can check Ed25519 at all; asked by a signature whose answer is known (RFC 8032, 7.1).
export async function canCheck() {
  const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  const signature =
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
  try {
    const bytes = (text) => Uint8Array.from(text.match(/../g), (two) => parseInt(two, 16));
    const there = await crypto.subtle.importKey("raw", bytes(key), { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, there, bytes(signature), new Uint8Array(0));
  } catch {
    return false;
  }
}

// Whether a key signed a note: "yes", "no" where its signature is wrong, "none" where there is none of it.
export async function signedBy(note, key) {
  const theirs = note.signatures.filter((each) => each.name === key.name && each.id === key.id);
  if (!theirs.length) return "none";
  const there = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  for (const each of theirs) {
    const holds = await crypto.subtle.verify({ name: "Ed25519" }, there, each.signature, encoded(note.text));
    if (!holds) return "no";
  }
  return "yes";
}

export const sameCheckpoint = (one, other) => one.size === other.size && same(one.root, other.root);
