/** Below this there is nothing to gain. */
const WORTH_BYTES = 1_024;
/** A frame's header, which stands before its payload in what the network brought: at most ten bytes and the mask. */
const MAX_HEADER_BYTES = 14;

/**
 * Lets go of the memory of bytes that nobody will read again: they are empty afterwards. Memory outside the heap is
 * otherwise counted until a collection finds it, and every 64 MB of it V8 marks the whole heap. Does nothing to bytes
 * that share their memory with others, except with a frame's header before them.
 */
export function freeBytes({ buffer, byteOffset, byteLength }: Buffer): void {
  const isAlone = byteOffset <= MAX_HEADER_BYTES && byteOffset + byteLength === buffer.byteLength;
  if (isAlone && byteLength >= WORTH_BYTES && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
