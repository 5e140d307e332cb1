/** What was opened, and can be closed. */
export interface Closable {
  close(): unknown;
}

/** Last opened, first closed, each once the one before is: what was opened later may need what was there before. */
export async function closeAll(opened: readonly Closable[]): Promise<void> {
  for (const closable of opened.toReversed()) await closable.close();
}
