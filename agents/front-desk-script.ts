import { type ScriptRule, type ScriptView, scripted } from '../src/index.ts';
import type { Wish } from './front-desk-book.ts';
import {
  dateIn,
  isoDate,
  numberAlone,
  peopleIn,
  readTime,
  sayDate,
  sayNumber,
  sayTime,
  timeIn,
} from './front-desk-words.ts';

export const HOURS =
  'We are open every day from noon, and the last table is at half past nine. The kitchen closes at ten.';
export const ADDRESS = 'We are at twelve Harbour Street, two minutes from the old bridge.';

const CANCEL = /\bcancel\b/i;
const GOODBYE = /\b(?:(?:good)?bye|that's all|that is all|nothing else|no,? thank(?:s| you)|hang up|never ?mind)\b/i;
const OPENING = /\b(?:opening|open|hours|close|closing)\b/i;
const PLACE = /\b(?:where are you|address|directions|how do i get|located)\b/i;
const BOOKING = /\b(?:book|booking|reserve|reservation|table|seats?)\b/i;
const YES = /^\W*(?:yes|yeah|yep|sure|please do|that works|perfect|ok(?:ay)?|fine)\b/i;
const THANKS = /\bthank(?:s| you)\b/i;
const HELLO = /\b(?:hi|hello|hey|good (?:morning|afternoon|evening)|how are you)\b/i;
const ASKED_FOR_REFERENCE = /what is the reference/i;
/** "Do you have a table" is a question; "book a table" is a wish. */
const ONLY_ASKS = /^(?!.*\b(?:book|reserve)).*\b(?:do you have|have you got|is there|are there|any tables?)\b/is;
const ASKED_ABOUT_TABLE = /for how many|at what time|which suits you|what other time|shall i book it/i;
const REFERENCE = /\breference is (\d+)\b/i;
/** After these words a new wish begins. */
const SETTLED = /\breference is \d+|is cancelled/i;

/** What to say, or the tool to call. */
type Next = ReturnType<NonNullable<ScriptRule['call']>>;

/** Answers without a model: what a caller of the example can try before there is a key. */
export const frontDeskScript = scripted(
  [
    {
      when: (view) => CANCEL.test(view.said) || ASKED_FOR_REFERENCE.test(lastAnswer(view)),
      call: (view) => {
        const reference = /\b\d{3,6}\b/.exec(view.said)?.[0] ?? lastReference(view);
        if (reference === undefined) return 'Of course. What is the reference of your booking?';
        return { name: 'cancel_table', arguments: { reference } };
      },
      after: ({ content }) =>
        content.startsWith('Failed')
          ? 'I am sorry, I cannot find that booking. You can ask for my colleague, if you like.'
          : 'Your booking is cancelled. Is there anything else?',
    },
    {
      when: GOODBYE,
      say: 'Thank you for calling. Goodbye.',
      call: () => ({ name: 'end_call', arguments: {} }),
    },
    { when: (view) => OPENING.test(view.said) && !BOOKING.test(view.said), say: HOURS },
    { when: PLACE, say: ADDRESS },
    { when: /\b(?:park|parking)\b/i, say: 'There is a public car park across the street, free after six.' },
    { when: /\b(?:outside|terrace|garden)\b/i, say: 'We keep a few tables on the terrace, first come, first served.' },
    { when: /\b(?:vegetarian|vegan|allerg)/i, say: 'That is no problem, the kitchen has something for you every day.' },
    { when: /\b(?:dogs?|pets?)\b/i, say: 'Dogs are welcome on the terrace.' },
    { when: isAboutTable, call: askOrCheck, after: bookOrExplain },
    { when: THANKS, say: 'You are welcome. Is there anything else?' },
    { when: HELLO, say: 'Hello. Would you like to book a table, or do you have a question?' },
  ],
  {
    name: 'scripted/front-desk',
    otherwise: 'I can book a table for you, or tell you when we are open. What would you like?',
  },
);

/** Somebody wants a table, or answers what we asked about one. */
function isAboutTable(view: ScriptView): boolean {
  if (BOOKING.test(view.said)) return true;
  if (!ASKED_ABOUT_TABLE.test(lastAnswer(view))) return false;
  const { said } = view;
  return (
    YES.test(said) || [peopleIn(said), readTime(said), dateIn(said, new Date())].some((found) => found !== undefined)
  );
}

function askOrCheck(view: ScriptView): Next {
  const { people, time, date } = wishOf(view);
  if (people === undefined && time === undefined) return 'With pleasure. For how many people, and at what time?';
  if (people === undefined) return 'Gladly. For how many people?';
  if (time === undefined) return 'Gladly. At what time?';
  return { name: 'check_table', arguments: { people, time, date } };
}

function bookOrExplain(result: ScriptView['results'][number], view: ScriptView): Next {
  const { people = 0, time = '', date } = wishOf(view);
  const when = `${sayDate(date, new Date())} at ${sayTime(time)}`;
  const answer = fieldsOf(result.value);
  if (result.name === 'book_table' && typeof answer.reference === 'string') {
    return `Yes, we have a table for ${sayNumber(people)} ${when}. It is booked, and your reference is ${answer.reference}.`;
  }
  if (result.name === 'check_table' && answer.free === true) {
    if (ONLY_ASKS.test(view.said)) return `Yes, we have a table for ${sayNumber(people)} ${when}. Shall I book it?`;
    return { name: 'book_table', arguments: { people, time, date } };
  }
  if (answer.why === 'party too large')
    return 'For more than twelve people a colleague will help you. Just ask for one.';
  const instead = Array.isArray(answer.instead) ? answer.instead.map((other) => `at ${sayTime(String(other))}`) : [];
  if (instead.length > 0) {
    return `I am sorry, there is no table ${when}. I could offer a table ${instead.join(' or ')}. Which suits you?`;
  }
  if (answer.free === false) return `I am sorry, there is no table ${when}. What other time would suit you?`;
  return 'I am sorry, I cannot book that right now. You can ask for my colleague, if you like.';
}

/** What the caller wants, gathered since the last wish was settled; newer words win. Today unless they say a day. */
function wishOf(view: ScriptView): Partial<Wish> & Pick<Wish, 'date'> {
  const today = new Date();
  const wish: { people?: number; time?: string; date: string } = { date: isoDate(today) };
  let question = '';
  for (const { role, content } of sinceSettled(view)) {
    if (role === 'assistant') question = content;
    if (role !== 'user') continue;
    const { people, time, date } = understand(content, question, today);
    if (people !== undefined) wish.people = people;
    if (time !== undefined) wish.time = time;
    if (date !== undefined) wish.date = date;
  }
  return wish;
}

function understand(words: string, question: string, today: Date): Partial<Wish> {
  const isTimeAsked = /at what time|which suits you|what other time/i.test(question) && !/how many/i.test(question);
  const alone = numberAlone(words);
  if (isTimeAsked && alone !== undefined) return clean({ time: readTime(words) });
  const [, offered = ''] = /I could offer a table (.*)/.exec(question) ?? [];
  const accepted = YES.test(words) && offered !== '' ? timeIn(offered) : undefined;
  return clean({ people: peopleIn(words) ?? alone, time: timeIn(words) ?? accepted, date: dateIn(words, today) });
}

function clean(wish: { readonly [key in keyof Wish]?: Wish[key] | undefined }): Partial<Wish> {
  const { people, time, date } = wish;
  return {
    ...(people !== undefined && { people }),
    ...(time !== undefined && { time }),
    ...(date !== undefined && { date }),
  };
}

function sinceSettled({ messages }: ScriptView): ScriptView['messages'] {
  const at = messages.findLastIndex(({ role, content }) => role === 'assistant' && SETTLED.test(content));
  return messages.slice(at + 1).filter(({ content }) => content !== '');
}

/** What we said last before the caller spoke. */
function lastAnswer({ messages }: ScriptView): string {
  const asked = messages.findLastIndex(({ role }) => role === 'user');
  return (
    messages.slice(0, Math.max(0, asked)).findLast(({ role, content }) => role === 'assistant' && content !== '')
      ?.content ?? ''
  );
}

function lastReference({ messages }: ScriptView): string | undefined {
  const told = messages.findLast(({ role, content }) => role === 'assistant' && REFERENCE.test(content));
  return told && REFERENCE.exec(told.content)?.[1];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
