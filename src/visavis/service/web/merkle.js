// Merkle trees as of RFC 6962: hashes by the browser's own SHA-256, roots, and whether proofs hold.
// Sizes may lie beyond 2^31, so that nothing here works with the 32 bits of JavaScript's shifts.

export const HASH_BYTES = 32;

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const leafHash = (leaf) => sha256(joined(Uint8Array.of(0), leaf));
export const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

export function same(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function ofHex(text) {
  if (typeof text !== "string" || !/^([0-9a-f]{2})*$/.test(text)) throw new Error("no hexadecimal digits");
  return Uint8Array.from(text.match(/../g) ?? [], (two) => parseInt(two, 16));
}

// A tree that grows: only its complete subtrees from the left are kept, some tens of hashes at most.
export class Growing {
  #peaks = [];
  size = 0;

  async append(hash) {
    let height = 0;
    this.size += 1;
    while (this.#peaks.length && this.#peaks.at(-1).height === height) {
      hash = await nodeHash(this.#peaks.pop().hash, hash);
      height += 1;
    }
    this.#peaks.push({ height, hash });
  }

  async root() {
    if (!this.#peaks.length) return sha256(new Uint8Array(0));
    let hash = this.#peaks.at(-1).hash;
    for (let at = this.#peaks.length - 2; at >= 0; at -= 1) hash = await nodeHash(this.#peaks[at].hash, hash);
    return hash;
  }
}

const half = (number) => Math.floor(number / 2);
const isOdd = (number) => number % 2 === 1;
const areHashes = (hashes) => hashes.every((hash) => hash.length === HASH_BYTES);

// RFC 9162, section 2.1.3.2: whether hashes lead from a leaf to the root of a tree.
export async function includes(hash, index, size, proof, root) {
  if (!(index >= 0 && index < size) || !areHashes([hash, root, ...proof])) return false;
  let [place, last] = [index, size - 1];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(place) || place === last) {
      hash = await nodeHash(sibling, hash);
      while (!isOdd(place) && place > 0) [place, last] = [half(place), half(last)];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && same(hash, root);
}

// RFC 9162, section 2.1.4.2: whether hashes show that a tree grew out of another.
export async function consistent(old, now, proof, oldRoot, newRoot) {
  if (!(old >= 0 && old <= now) || !areHashes([oldRoot, newRoot, ...proof])) return false;
  if (old === now) return proof.length === 0 && same(oldRoot, newRoot);
  if (old === 0) return proof.length === 0 && same(oldRoot, await sha256(new Uint8Array(0)));
  if (proof.length === 0) return false;
  const hashes = Number.isInteger(Math.log2(old)) ? [oldRoot, ...proof] : proof;
  let [place, last] = [old - 1, now - 1];
  while (isOdd(place)) [place, last] = [half(place), half(last)];
  let [earlier, later] = [hashes[0], hashes[0]];
  for (const sibling of hashes.slice(1)) {
    if (last === 0) return false;
    if (isOdd(place) || place === last) {
      [earlier, later] = [await nodeHash(sibling, earlier), await nodeHash(sibling, later)];
      while (!isOdd(place) && place > 0) [place, last] = [half(place), half(last)];
    } else {
      later = await nodeHash(later, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && same(earlier, oldRoot) && same(later, newRoot);
}
