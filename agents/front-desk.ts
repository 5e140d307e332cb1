import { z } from 'zod';
import { defineAgent, refuse, tool } from '../src/index.ts';
import { openBook, type Wish } from './front-desk-book.ts';
import { ADDRESS, frontDeskScript, HOURS } from './front-desk-script.ts';
import { dateIn, readTime } from './front-desk-words.ts';

// The example: a restaurant's front desk. Copy it, change the words and the tools, and it is yours. What is left out
// has a default that callers can live with: docs/agents.md lists them.

const COLLEAGUE = '+15555550100';

const book = openBook();

const wish = z.object({
  people: z.int().min(1).describe('how many people'),
  date: z.string().default('today').describe('YYYY-MM-DD, today, tomorrow or a weekday'),
  time: z.string().describe('HH:MM, 24 hours'),
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

  tools: {
    check_table: tool({
      description: 'Says whether there is a table, and if not which times nearby are free.',
      effect: 'safe',
      parameters: wish,
      run: (args) => book.look(understood(args)),
    }),

    book_table: tool({
      description: 'Books a table and returns its reference. Check first. Tell the caller the reference.',
      // Retell discards and asks again on ordinary calls: the same booking is asked for twice and must be made once.
      effect: 'once',
      // "8pm" the first time and "20:00" the second are one booking...
      key: (args) => {
        const { people, date, time } = inOneWording(args);
        return `${people} on ${date} at ${time}`;
      },
      // ...until the caller has heard the answer: then the same words are a second table.
      scope: 'request',
      parameters: wish,
      run: (args, { idempotencyKey }) => {
        const made = book.book(idempotencyKey, understood(args));
        if (!('reference' in made)) throw refuse(`no table: ${made.why}`);
        return made;
      },
      lookup: async (_args, { idempotencyKey }) => book.find(idempotencyKey),
    }),

    cancel_table: tool({
      description: 'Cancels a booking by its reference.',
      effect: 'idempotent',
      parameters: z.object({ reference: z.string().regex(/^\d{3,6}$/) }),
      run: ({ reference }) => {
        if (!book.cancel(reference)) throw refuse('there is no booking with this reference');
        return { cancelled: reference };
      },
    }),
  },

  // What the model may do with the call itself.
  actions: { endCall: true, transfer: { colleague: COLLEAGUE } },

  // Decided before the model is asked.
  escalation: [
    {
      when: { says: /\b(?:human|real person|operator|manager|colleague|someone else|customer service)\b/i },
      line: 'Of course. I am connecting you to a colleague.',
      action: { kind: 'transfer', number: COLLEAGUE, showCaller: true },
    },
  ],

  // The hours are the same for every caller. A sentence that asks for more than them is not answered from memory.
  cacheable: [{ says: /^(?!.*\b(?:book|table|reserv|cancel)).*\b(?:opening hours|open|close)\b/is, step: 'any' }],

  lines: {
    fillers: ['One moment, please.', 'Let me look at the book.'],
    progress: ['I am still looking.', 'It is taking a little longer than usual.'],
    farewell: 'I will hang up now. Thank you for calling. Goodbye.',
    handoff: 'I am connecting you to a colleague.',
    uncertain: 'I am not sure the booking went through. Shall I try it again?',
  },

  giveUp: {
    after: 3,
    line: 'I am sorry, I am having trouble right now. I am connecting you to a colleague.',
    action: { kind: 'transfer', number: COLLEAGUE },
  },

  // Answers where no model is configured, so that the desk can be tried without a key.
  scriptedModel: frontDeskScript,
});

/** The wish as the book takes it; what cannot be read is refused, so that the model asks again. */
function understood(args: Wish): Wish {
  if (readTime(args.time) === undefined) throw refuse('expected a time such as 20:00');
  if (dateIn(args.date, new Date()) === undefined) throw refuse('expected a day such as tomorrow, or 2026-11-21');
  return inOneWording(args);
}

/** The same wish in other words comes out the same; what cannot be read stays as it was said. */
function inOneWording({ people, date, time }: Wish): Wish {
  const plain = (words: string) => words.trim().toLowerCase();
  return { people, date: dateIn(date, new Date()) ?? plain(date), time: readTime(time) ?? plain(time) };
}
