import type { HeldList, ListCut } from './held-list.ts';

/** The two lists that grow with a call; the second only for an agent that hears digits. */
export type ListKey = 'transcript' | 'transcript_with_tool_calls';

/** A frame without what is held of its lists. */
export interface FrameCut {
  /** The frame with one `null` for all that is held of a list. */
  readonly text: string;
  /** The lists that were found, each at most once; the frame has no other. */
  readonly lists: Readonly<Partial<Record<ListKey, ListCut>>>;
}

type Cutter = Pick<HeldList<unknown>, 'cut'>;

/** Retell's frames have under 100 bytes before their lists, and nothing or `turntaking` between them. */
const MAX_OPENING_BYTES = 512;
/** Of both lists. */
const LIST_KEY = '"transcript';

const WS = '[ \\t\\r\\n]*';
const PLAIN = '[ !#-[\\]-~]*';
/** Members whose keys and values have no escapes, and whose keys are none of ours. */
const PLAIN_MEMBERS = `(?:${WS}"(?!transcript)${PLAIN}"${WS}:${WS}(?:"${PLAIN}"|[-+.\\w]+)${WS},)*`;
/** From the frame's beginning, or the `]` of one list, up to the `[` of the next. */
const OPENING = new RegExp(
  `^(?:${WS}\\{|\\]${WS},)${PLAIN_MEMBERS}${WS}"(transcript|transcript_with_tool_calls)"${WS}:${WS}\\[`,
);

/**
 * Cuts out of a frame what is held of its lists.
 *
 * Why what is left decodes as the whole: behind the `[` of a list JSON is read the same wherever that list stands, so
 * bytes that were whole objects in a frame that could be parsed are the same whole objects at the front of the next
 * list. With one `null` in their place the text is JSON if, and only if, the frame is; and if what stands before a
 * second list can be the beginning of JSON at all, that list was looked for in the right place. Either side of a seam
 * is ASCII, so bad UTF-8 is mended alike. What could still tell the two apart is a list that comes twice: the last
 * would count.
 *
 * @returns undefined when there is no list to be found, or anything that might be a third: parse such a frame in full
 */
export function cutFrame(bytes: Buffer, held: Readonly<Record<ListKey, Cutter>>): FrameCut | undefined {
  const lists: Partial<Record<ListKey, ListCut>> = {};
  let text = '';
  let from = 0;
  let close = 0;
  for (;;) {
    const opening = OPENING.exec(bytes.toString('latin1', close, close + MAX_OPENING_BYTES));
    if (!opening) break;
    const key = opening[1] === 'transcript' ? 'transcript' : 'transcript_with_tool_calls';
    const cut = held[key].cut(bytes, close + opening[0].length);
    // A list may come twice, but a peer might also send thousands of them.
    if (!cut || lists[key]) return undefined;
    lists[key] = cut;
    if (cut.shared > 0) {
      text += `${bytes.toString('utf8', from, cut.start)}null`;
      from = cut.seam;
    }
    close = cut.close;
  }
  if (close === 0 || bytes.includes(LIST_KEY, close) || bytes.includes('\\', close)) return undefined;
  return { text: text + bytes.toString('utf8', from), lists };
}
