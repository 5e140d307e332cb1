/** Words that come from outside (reasons, names) may be many; a label may not. */
const WORD = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/**
 * Keeps a metric's label to `limit` values: the first ones seen; what comes after them, and what is no plain word,
 * counts as `other`. Also keeps whatever a peer wrote out of the metrics.
 */
export function boundedLabel(limit = 64): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= limit || !WORD.test(value)) return 'other';
    known.add(value);
    return value;
  };
}
