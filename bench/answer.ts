/** What the model, and the bare servers that have none, say at every turn: one constant text in 12 pieces. */
export const ANSWER_PIECES: readonly string[] = [
  'Yes, ',
  'we ',
  'are ',
  'open ',
  'until ',
  'ten ',
  'tonight. ',
  'Shall ',
  'I ',
  'book ',
  'a ',
  'table?',
];

export const ANSWER = ANSWER_PIECES.join('');
/** The end of the first whole sentence, where Retell begins to speak; no filler and no other line holds it. */
export const ANSWER_MARK = 'tonight.';
export const GREETING = 'Good day, how can I help you?';
