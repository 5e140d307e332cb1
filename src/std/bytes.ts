/** Below this there is nothing to gain. */
const WORTH_BYTES = 1_024;

/**
 * Lets go of the memory of bytes that nobody will read again: they are empty afterwards. Memory outside the heap is
 * otherwise counted until a collection finds it, and every 64 MB of it V8 marks the whole heap. Does nothing to bytes
 * that share their memory with others: those may be another frame's, or on their way out.
 *
 * @param headerBytes how many bytes right before these belong to them: gone too, where nothing else stands before
 */
export function freeBytes({ buffer, byteOffset, byteLength }: Buffer, headerBytes = 0): void {
  const isFirst = byteOffset === 0 || byteOffset === headerBytes;
  const isAlone = isFirst && byteOffset + byteLength === buffer.byteLength;
  if (isAlone && byteLength >= WORTH_BYTES && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
