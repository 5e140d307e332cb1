/** The bare servers, by how much of the work they leave out; `bare.ts` is their process. */
export const BARE_KINDS = ['constant', 'model', 'unparsed'] as const;
export type BareKind = (typeof BARE_KINDS)[number];
