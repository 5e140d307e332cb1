/** A list of a frame beside what is held of it. Indices count bytes of the frame. */
export interface ListCut {
  /** Behind the list's `[`. */
  readonly start: number;
  /** How many objects at the front are held already; `seam` is the index behind the last of them. */
  readonly shared: number;
  readonly seam: number;
  /** Behind each object after the seam. */
  readonly ends: readonly number[];
  /** Of the list's `]`. */
  readonly close: number;
}

/** One list of a call's frames as it last came: the bytes of its objects, and what these say. */
export interface HeldList<Item> {
  /**
   * Finds where the list that begins at `start` stops being the same as what is held.
   *
   * @returns undefined for a list without an end; what comes of bytes that are no JSON means nothing
   */
  cut(bytes: Buffer, start: number): ListCut | undefined;
  /**
   * Holds this list instead of the one before, unless it has too many bytes, or items that could not be read.
   *
   * @param fresh what the objects after the seam say, undefined when that could not be read
   * @returns what the whole list says
   */
  take(bytes: Buffer, cut: ListCut, fresh: readonly Item[] | undefined): readonly Item[] | undefined;
  release(): void;
  /** What was decoded is not counted. */
  readonly heldBytes: number;
}

/**
 * A list is held with a quarter of room to grow: a transcript has about 11 KiB after a minute of talk, 115 KiB after
 * ten, 700 KiB after an hour and 1.1 MiB after two, and 1.6 MiB when it is woven with a tool in each of 1,200 turns:
 * 2.8 MB of the two lists in a frame. Twice that is allowed; beyond it the list is parsed in full in every frame, so
 * that no peer makes us keep more than a frame's 8 MiB.
 */
const MAX_LIST_BYTES = 3 * 1024 * 1024;
/** A body may be twice as large as needed and this much more before a smaller one takes its place. */
const SPARE_BYTES = 4_096;

/** Holds one list of the frames of one call; nothing at first. */
export function createHeldList<Item>(): HeldList<Item> {
  /** The list from behind its `[`; may have room behind the last end. */
  let body: Buffer = Buffer.alloc(0);
  /** Behind each object's `}` in `body`. */
  let ends: number[] = [];
  let items: readonly Item[] = [];

  return {
    cut(bytes, start) {
      const shared = countShared(bytes, start);
      const seam = start + endOf(shared);
      const fresh: number[] = [];
      const close = findEnds(bytes, seam, fresh);
      return close < 0 ? undefined : { start, shared, seam, ends: fresh, close };
    },
    take(bytes, cut, fresh) {
      // Not spread: that list would have half as much room again, and be copied with it while the call lasts.
      const all = cut.shared > 0 ? items.slice(0, cut.shared).concat(fresh ?? []) : fresh;
      const needed = (cut.ends.at(-1) ?? cut.seam) - cut.start;
      // An item that cannot be read is in the bytes and says nothing: then nothing tells which end is whose.
      const isWhole = all?.length === cut.shared + cut.ends.length;
      if (isWhole && needed <= MAX_LIST_BYTES) hold(bytes, cut, needed, all);
      else release();
      return all;
    },
    release,
    get heldBytes() {
      return body.byteLength;
    },
  };

  function hold(bytes: Buffer, { start, shared, seam, ends: fresh }: ListCut, needed: number, all: readonly Item[]) {
    const fits = body.length >= needed && body.length <= 2 * needed + SPARE_BYTES;
    // Not from the pool: a slice of it would keep all of it. What is before the seam is there already.
    if (!fits) body = Buffer.allocUnsafeSlow(needed + (needed >> 2));
    const from = fits ? seam : start;
    bytes.copy(body, from - start, from, start + needed);
    ends.length = shared;
    for (const end of fresh) ends.push(end - start);
    items = all;
  }

  function release(): void {
    body = Buffer.alloc(0);
    ends = [];
    items = [];
  }

  /** Compares whole objects only; the last seam before the first difference is found by halving. */
  function countShared(bytes: Buffer, start: number): number {
    let same = 0;
    let most = ends.length;
    // Most often the last one has grown, or one was added.
    let probe = Math.max(1, most - 1);
    while (same < most) {
      const from = endOf(same);
      const to = endOf(probe);
      const isSame = start + to <= bytes.length && bytes.compare(body, from, to, start + from, start + to) === 0;
      if (isSame) same = probe;
      else most = probe - 1;
      probe = (same + most + 1) >> 1;
    }
    return same;
  }

  /** Where the first `count` objects end in `body`. */
  function endOf(count: number): number {
    return count === 0 ? 0 : (ends[count - 1] ?? 0);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds where the objects of a list end, if these bytes are JSON.
 *
 * @param from a place between two items of the list
 * @param ends gets the index behind each object
 * @returns the index of the list's `]`; -1 without one
 */
function findEnds(bytes: Buffer, from: number, ends: number[]): number {
  let depth = 0;
  for (let i = from; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++;
        break;
      case CLOSE_LIST:
        if (depth === 0) return i;
        depth--;
        break;
      case CLOSE_OBJECT:
        depth--;
        if (depth === 0) ends.push(i + 1);
        break;
      default:
    }
  }
  return -1;
}
