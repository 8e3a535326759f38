/** `crypto.subtle` (Web Cryptography API): digests and HMAC. */

import { constantTimeEqual } from "../../secret.ts";
import { getRandomValues } from "../random.ts";
import { BLOCK, hash } from "./hash.ts";
import type { HashName } from "./hash.ts";

type Source = ArrayBuffer | ArrayBufferView;
type Named = string | { name: string };

interface HmacParams {
  name: string;
  hash: Named;
  length?: number;
}

/** A secret of HMAC. */
export class CryptoKey {
  readonly type = "secret";
  readonly algorithm: { name: "HMAC"; hash: { name: HashName }; length: number };

  constructor(
    /** @internal */
    readonly secret: Uint8Array,
    hash: HashName,
    readonly extractable: boolean,
    readonly usages: string[],
  ) {
    this.algorithm = { name: "HMAC", hash: { name: hash }, length: secret.length * 8 };
  }
}

async function digest(algorithm: Named, data: Source): Promise<ArrayBuffer> {
  return hash(hashNamed(algorithm), bytes(data)).buffer as ArrayBuffer;
}

async function importKey(format: string, data: Source, params: HmacParams, extractable: boolean, usages: string[]) {
  if (format !== "raw") throw unsupported(`keys in the format \`${format}\`, only \`raw\``);
  return new CryptoKey(bytes(data).slice(), hmacHash(params), extractable, [...usages]);
}

async function exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer> {
  if (format !== "raw") throw unsupported(`keys in the format \`${format}\`, only \`raw\``);
  if (!key.extractable) throw new DOMException("the key is not extractable", "InvalidAccessError");
  return key.secret.slice().buffer as ArrayBuffer;
}

async function generateKey(params: HmacParams, extractable: boolean, usages: string[]) {
  const name = hmacHash(params);
  const secret = getRandomValues(new Uint8Array((params.length ?? BLOCK[name] * 8) / 8));
  return new CryptoKey(secret, name, extractable, [...usages]);
}

async function sign(algorithm: Named, key: CryptoKey, data: Source): Promise<ArrayBuffer> {
  return hmac(algorithm, key, data, "sign").buffer as ArrayBuffer;
}

async function verify(algorithm: Named, key: CryptoKey, signature: Source, data: Source): Promise<boolean> {
  return constantTimeEqual(bytes(signature), hmac(algorithm, key, data, "verify"));
}

export const subtle = { digest, importKey, exportKey, generateKey, sign, verify };

/** RFC 2104. */
function hmac(algorithm: Named, key: CryptoKey, data: Source, usage: string): Uint8Array {
  if (nameOf(algorithm) !== "HMAC") throw unsupported(`\`${nameOf(algorithm)}\`, only \`HMAC\``);
  if (!key.usages.includes(usage)) throw new DOMException(`the key is not for \`${usage}\``, "InvalidAccessError");
  const { name } = key.algorithm.hash;
  const block = new Uint8Array(BLOCK[name]);
  block.set(key.secret.length > block.length ? hash(name, key.secret) : key.secret);
  const inner = hash(name, joined(block.map((byte) => byte ^ 0x36), bytes(data)));
  return hash(name, joined(block.map((byte) => byte ^ 0x5c), inner));
}

function hmacHash(params: HmacParams): HashName {
  if (nameOf(params) !== "HMAC") throw unsupported(`\`${nameOf(params)}\`, only \`HMAC\``);
  return hashNamed(params.hash);
}

function hashNamed(algorithm: Named): HashName {
  const name = nameOf(algorithm);
  if (!(name in BLOCK)) throw unsupported(`\`${name}\`, only ${Object.keys(BLOCK).join(", ")}`);
  return name as HashName;
}

function nameOf(algorithm: Named): string {
  return (typeof algorithm === "string" ? algorithm : algorithm.name).toUpperCase();
}

function bytes(source: Source): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

function unsupported(what: string): DOMException {
  return new DOMException(`the small engine knows no ${what}`, "NotSupportedError");
}
