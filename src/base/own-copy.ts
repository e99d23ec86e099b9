/** Copies for what is kept: a slice of Node's slabs, or of what a socket read, would hold 64 KiB alive for a few bytes. */

/** In memory of its own. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Several in one piece of memory. */
export function ownCopies(list: readonly Uint8Array[]): Buffer[] {
  const memory = Buffer.allocUnsafeSlow(list.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  return list.map((bytes) => {
    memory.set(bytes, at);
    at += bytes.length;
    return memory.subarray(at - bytes.length, at);
  });
}
