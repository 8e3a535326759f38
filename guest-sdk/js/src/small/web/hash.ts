/** SHA-1 and SHA-2 (FIPS 180-4). */

export type HashName = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

/** Bytes of a block. */
export const BLOCK: Record<HashName, number> = { "SHA-1": 64, "SHA-256": 64, "SHA-384": 128, "SHA-512": 128 };

export function hash(name: HashName, message: Uint8Array): Uint8Array {
  if (name === "SHA-1") return sha1(padded(message, 64));
  if (name === "SHA-256") return sha256(padded(message, 64));
  return name === "SHA-512" ? sha512(padded(message, 128), ROOTS.slice(0, 8), 64) : sha512(padded(message, 128), ROOTS.slice(8), 48);
}

/** A message, a bit, zeros, and the message's length in bits. */
function padded(message: Uint8Array, block: number): DataView<ArrayBuffer> {
  const length = Math.ceil((message.length + 1 + block / 8) / block) * block;
  const bytes = new Uint8Array(length);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(length - 8, Math.floor(message.length / 0x2000_0000));
  view.setUint32(length - 4, message.length << 3);
  return view;
}

const PRIMES = (() => {
  const found: bigint[] = [];
  for (let next = 2n; found.length < 80; next++) {
    if (found.every((prime) => next % prime)) found.push(next);
  }
  return found;
})();

/** The first 64 bits behind the point of a prime's root. */
function rootBits(prime: bigint, degree: bigint): bigint {
  const radicand = prime << (64n * degree);
  let [low, high] = [0n, 1n << 74n];
  while (low + 1n < high) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= radicand) low = middle;
    else high = middle;
  }
  return BigInt.asUintN(64, low);
}

const ROOTS = PRIMES.slice(0, 16).map((prime) => rootBits(prime, 2n));
const K = PRIMES.map((prime) => rootBits(prime, 3n));
const K_HIGH = Int32Array.from(K, (bits) => Number(BigInt.asIntN(32, bits >> 32n)));
const K_LOW = Int32Array.from(K, (bits) => Number(BigInt.asIntN(32, bits)));

function sha1(blocks: DataView): Uint8Array {
  let [h0, h1, h2, h3, h4] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476, 0xc3d2e1f0 | 0];
  const w = new Int32Array(80);
  for (let start = 0; start < blocks.byteLength; start += 64) {
    for (let t = 0; t < 16; t++) w[t] = blocks.getInt32(start + t * 4);
    for (let t = 16; t < 80; t++) {
      const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
      w[t] = (x << 1) | (x >>> 31);
    }
    let [a, b, c, d, e] = [h0, h1, h2, h3, h4];
    for (let t = 0; t < 80; t++) {
      const [f, k] =
        t < 20 ? [(b & c) | (~b & d), 0x5a827999]
        : t < 40 ? [b ^ c ^ d, 0x6ed9eba1]
        : t < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
        : [b ^ c ^ d, 0xca62c1d6];
      const next = (((a << 5) | (a >>> 27)) + f + e + k + w[t]!) | 0;
      [e, d, c, b, a] = [d, c, (b << 30) | (b >>> 2), a, next];
    }
    [h0, h1, h2, h3, h4] = [(h0 + a) | 0, (h1 + b) | 0, (h2 + c) | 0, (h3 + d) | 0, (h4 + e) | 0];
  }
  return words([h0, h1, h2, h3, h4]);
}

function sha256(blocks: DataView): Uint8Array {
  const h = Int32Array.from(ROOTS.slice(0, 8), (bits) => Number(BigInt.asIntN(32, bits >> 32n)));
  const w = new Int32Array(64);
  for (let start = 0; start < blocks.byteLength; start += 64) {
    for (let t = 0; t < 16; t++) w[t] = blocks.getInt32(start + t * 4);
    for (let t = 16; t < 64; t++) {
      const [x, y] = [w[t - 15]!, w[t - 2]!];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0;
    }
    let a = h[0]!, b = h[1]!, c = h[2]!, d = h[3]!, e = h[4]!, f = h[5]!, g = h[6]!, i = h[7]!;
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (i + s1 + ((e & f) ^ (~e & g)) + K_HIGH[t]! + w[t]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      i = g; g = f; f = e; e = (d + one) | 0;
      d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, i].forEach((value, at) => (h[at]! += value));
  }
  return words(h);
}

/** Numbers of 64 bits as two of 32: the engine's own would be slower. */
function sha512(blocks: DataView, initial: bigint[], length: number): Uint8Array {
  const h = new Int32Array(16);
  initial.forEach((bits, at) => {
    h[at * 2] = Number(BigInt.asIntN(32, bits >> 32n));
    h[at * 2 + 1] = Number(BigInt.asIntN(32, bits));
  });
  const high = new Int32Array(80);
  const low = new Int32Array(80);
  const v = new Int32Array(16);
  for (let start = 0; start < blocks.byteLength; start += 128) {
    for (let t = 0; t < 16; t++) {
      high[t] = blocks.getInt32(start + t * 8);
      low[t] = blocks.getInt32(start + t * 8 + 4);
    }
    for (let t = 16; t < 80; t++) {
      const xh = high[t - 15]!, xl = low[t - 15]!, yh = high[t - 2]!, yl = low[t - 2]!;
      const s0h = ((xh >>> 1) | (xl << 31)) ^ ((xh >>> 8) | (xl << 24)) ^ (xh >>> 7);
      const s0l = ((xl >>> 1) | (xh << 31)) ^ ((xl >>> 8) | (xh << 24)) ^ ((xl >>> 7) | (xh << 25));
      const s1h = ((yh >>> 19) | (yl << 13)) ^ ((yl >>> 29) | (yh << 3)) ^ (yh >>> 6);
      const s1l = ((yl >>> 19) | (yh << 13)) ^ ((yh >>> 29) | (yl << 3)) ^ ((yl >>> 6) | (yh << 26));
      const sum = (low[t - 16]! >>> 0) + (s0l >>> 0) + (low[t - 7]! >>> 0) + (s1l >>> 0);
      low[t] = sum | 0;
      high[t] = (high[t - 16]! + s0h + high[t - 7]! + s1h + Math.floor(sum / 0x1_0000_0000)) | 0;
    }
    v.set(h);
    for (let t = 0; t < 80; t++) {
      const ah = v[0]!, al = v[1]!, eh = v[8]!, el = v[9]!;
      const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
      const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
      const chh = (eh & v[10]!) ^ (~eh & v[12]!), chl = (el & v[11]!) ^ (~el & v[13]!);
      const oneSum = (v[15]! >>> 0) + (s1l >>> 0) + (chl >>> 0) + (K_LOW[t]! >>> 0) + (low[t]! >>> 0);
      const onel = oneSum | 0;
      const oneh = (v[14]! + s1h + chh + K_HIGH[t]! + high[t]! + Math.floor(oneSum / 0x1_0000_0000)) | 0;
      const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
      const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
      const majh = (ah & v[2]!) ^ (ah & v[4]!) ^ (v[2]! & v[4]!), majl = (al & v[3]!) ^ (al & v[5]!) ^ (v[3]! & v[5]!);
      const dSum = (v[7]! >>> 0) + (onel >>> 0);
      const nextE = (v[6]! + oneh + Math.floor(dSum / 0x1_0000_0000)) | 0;
      v.copyWithin(2, 0, 14);
      v[8] = nextE;
      v[9] = dSum | 0;
      const aSum = (onel >>> 0) + (s0l >>> 0) + (majl >>> 0);
      v[1] = aSum | 0;
      v[0] = (oneh + s0h + majh + Math.floor(aSum / 0x1_0000_0000)) | 0;
    }
    for (let at = 0; at < 16; at += 2) {
      const sum = (h[at + 1]! >>> 0) + (v[at + 1]! >>> 0);
      h[at + 1] = sum | 0;
      h[at] = (h[at]! + v[at]! + Math.floor(sum / 0x1_0000_0000)) | 0;
    }
  }
  return words(h).slice(0, length);
}

/** Words as bytes, the highest first. */
function words(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (let at = 0; at < values.length; at++) view.setInt32(at * 4, values[at]!);
  return new Uint8Array(view.buffer);
}
