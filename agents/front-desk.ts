import { z } from 'zod';
import { defineAgent, refuse, tool } from '../src/index.ts';
import { openBook, type Wish } from './front-desk-book.ts';
import { ADDRESS, frontDeskScript, HOURS } from './front-desk-script.ts';
import { dateIn, isoDate, readTime } from './front-desk-words.ts';

// The example: a restaurant's front desk. Copy it, change the words and the tools, and it is yours.

const book = openBook();

const wish = z.object({
  people: z.int().min(1).describe('how many people'),
  date: z.string().default('today').describe('YYYY-MM-DD, today, tomorrow or a weekday'),
  time: z.string().describe('HH:MM, 24 hours'),
});

const checkTable = tool({
  description: 'Says whether there is a table, and if not which times nearby are free.',
  effect: 'safe',
  parameters: wish,
  run: (args) => book.look(readWish(args)),
});

const bookTable = tool({
  description: 'Books a table and returns its reference. Check first. Tell the caller the reference.',
  // Retell discards and asks again on ordinary calls: the same booking is asked for twice and must be made once.
  effect: 'once',
  // The model may say "8pm" the first time and "20:00" the second.
  key: (args) => {
    const { people, date, time } = normalise(args);
    return `${people} on ${date} at ${time}`;
  },
  // Once the caller has heard the answer, the same words are a second table.
  scope: 'request',
  parameters: wish,
  run: (args, { idempotencyKey }) => {
    const made = book.book(idempotencyKey, readWish(args));
    if (!('reference' in made)) throw refuse(`no table: ${made.why}`);
    return made;
  },
  lookup: async (_args, { idempotencyKey }) => book.find(idempotencyKey),
});

const cancelTable = tool({
  description: 'Cancels a booking by its reference.',
  effect: 'idempotent',
  parameters: z.object({ reference: z.string().regex(/^\d{3,6}$/) }),
  run: ({ reference }) => {
    if (!book.cancel(reference)) throw refuse('there is no booking with this reference');
    return { cancelled: reference };
  },
});

export default defineAgent({
  name: 'front-desk',
  greeting: 'Good day, this is the Harbour Kitchen. How can I help you?',
  instructions: [
    'You answer the phone of a restaurant, the Harbour Kitchen. You book and cancel tables and answer questions.',
    'For a booking you need the number of people and the time; the day is today unless the caller says another.',
    'Check the table first, then book it, then tell the caller the reference. Never claim a booking you did not make.',
    HOURS,
    ADDRESS,
    'If the caller wants something else, or asks for a person, transfer them to a colleague.',
    'When the caller says goodbye, say goodbye and end the call.',
  ].join('\n'),
  tools: { check_table: checkTable, book_table: bookTable, cancel_table: cancelTable },
  actions: { endCall: true, transfer: { colleague: '+15555550100' } },
  escalation: [
    {
      when: { says: /\b(?:human|real person|operator|manager|colleague|someone else|customer service)\b/i },
      line: 'Of course. I am connecting you to a colleague.',
      action: { kind: 'transfer', number: '+15555550100', showCaller: true },
    },
  ],
  // The hours are the same for every caller. A sentence that asks for more than them is not answered from memory.
  cacheable: [
    {
      says: /^(?!.*\b(?:book|table|reserv|cancel)).*\b(?:opening hours|open|close)\b/is,
      step: 'any',
    },
  ],
  lines: {
    fillers: ['One moment, please.', 'Let me look at the book.'],
    progress: ['I am still looking.', 'It is taking a little longer than usual.'],
    reminders: ['Are you still there?', 'Take your time, I am here.'],
    farewell: 'I will hang up now. Thank you for calling. Goodbye.',
    handoff: 'I am connecting you to a colleague.',
    uncertain: 'I am not sure the booking went through. Shall I try it again?',
  },
  fallback: { line: 'Sorry, I did not get that. Could you say it again?' },
  giveUp: {
    after: 3,
    line: 'I am sorry, I am having trouble right now. I am connecting you to a colleague.',
    action: { kind: 'transfer', number: '+15555550100' },
  },
  overflow: {
    line: 'All our lines are busy right now. Please call again in a few minutes.',
    action: { kind: 'end' },
  },
  scriptedModel: frontDeskScript,
});

interface SaidWish {
  readonly people: number;
  readonly date: string;
  readonly time: string;
}

/** The same wish in other words comes out the same; what cannot be read stays as it was said. */
function normalise({ people, date, time }: SaidWish): Wish {
  const today = new Date();
  return { people, date: dateIn(date, today) ?? isoDate(today), time: readTime(time) ?? time.trim().toLowerCase() };
}

function readWish(args: SaidWish): Wish {
  if (readTime(args.time) === undefined) throw refuse('expected a time such as 20:00');
  return normalise(args);
}
