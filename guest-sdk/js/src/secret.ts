/** Secrets. */

/** Whether two secrets are the same. The time that it takes does not tell where they differ, only
 * whether their lengths do. */
export function constantTimeEqual(one: string | Uint8Array, other: string | Uint8Array): boolean {
  const [a, b] = [bytes(one), bytes(other)];
  let difference = a.length ^ b.length;
  for (let at = 0; at < Math.min(a.length, b.length); at++) difference |= a[at]! ^ b[at]!;
  return difference === 0;
}

function bytes(secret: string | Uint8Array): Uint8Array {
  return typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
}
