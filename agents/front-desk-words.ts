// How people say numbers, times and days on the phone. "8pm", "eight" and "20:00" come out the same, so that one
// wish in other words stays one booking.

const NUMBERS: readonly string[] = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];
const WEEKDAYS: readonly string[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MINUTES: Readonly<Record<string, number>> = { fifteen: 15, thirty: 30, 'forty five': 45 };

const NUMBER = `\\d{1,2}|${NUMBERS.slice(1).join('|')}`;
const HALF = 'a\\.?m\\b\\.?|p\\.?m\\b\\.?';
const CLOCK = new RegExp(`\\b(\\d{1,2})[:.](\\d{2})\\s*(${HALF})?`);
const PAST = new RegExp(`\\b(half past|quarter past|quarter to) (${NUMBER})\\b\\s*(${HALF})?`);
const SPELLED = new RegExp(`\\b(${NUMBER}) (fifteen|thirty|forty five)\\b\\s*(${HALF})?`);
const HOUR = new RegExp(`\\b(${NUMBER})\\s*(?:o'?clock)?\\s*(${HALF})|\\b(${NUMBER}) o'?clock|\\bat (${NUMBER})\\b`);
const PEOPLE = [
  new RegExp(`\\b(?:party|table|group) of (${NUMBER})\\b`),
  // "One of us is vegetarian" counts nobody.
  new RegExp(`\\b(${NUMBER}) (?:people|persons?|guests?|adults)\\b`),
  new RegExp(`\\b(?!1\\b|one\\b)(${NUMBER}) of us\\b`),
  new RegExp(`\\b(?:we are|we're|we will be|there are) (${NUMBER})\\b`),
  new RegExp(`\\bfor (?:the )?(${NUMBER})\\b(?! ?(?:o'?clock|fifteen|thirty|forty|[:.]\\d|${HALF}))`),
];
const ALONE = new RegExp(`^\\W*(?:(?:uh|um|just|at|for|make it|let's say)\\s+)*(${NUMBER})(?:\\W+please)?\\W*$`);

/** How many people a sentence speaks of. */
export function peopleIn(text: string): number | undefined {
  const words = plain(text);
  if (/\b(?:a couple|both of us|me and my)\b/.test(words)) return 2;
  if (/\b(?:just me|only me|by myself)\b/.test(words)) return 1;
  const found = PEOPLE.map((pattern) => pattern.exec(words)?.[1]).find((match) => match !== undefined);
  return numberOf(found);
}

/** A sentence that is a number and nothing else: the answer to "how many?" or "at what time?". */
export function numberAlone(text: string): number | undefined {
  return numberOf(ALONE.exec(plain(text))?.[1]);
}

/** The time a sentence speaks of as `HH:MM`. Without am or pm the evening is meant: this is a restaurant. */
export function timeIn(text: string): string | undefined {
  const words = plain(text);
  const clock = CLOCK.exec(words);
  if (clock) return clockTime(clock[1], Number(clock[2]), clock[3]);
  const past = PAST.exec(words);
  if (past) {
    const hour = (numberOf(past[2]) ?? 0) - (past[1] === 'quarter to' ? 1 : 0);
    const minute = past[1] === 'half past' ? 30 : past[1] === 'quarter to' ? 45 : 15;
    return clockTime(String(hour), minute, past[3]);
  }
  const spelled = SPELLED.exec(words);
  if (spelled) return clockTime(spelled[1], MINUTES[spelled[2] ?? ''] ?? 0, spelled[3]);
  if (/\b(?:noon|midday)\b/.test(words)) return '12:00';
  const hour = HOUR.exec(words);
  return hour ? clockTime(hour[1] ?? hour[3] ?? hour[4], 0, hour[2]) : undefined;
}

/** A time as a tool's argument has it: `20:00`, `8pm`, or a bare `8`. */
export function readTime(text: string): string | undefined {
  const alone = numberAlone(text);
  return timeIn(text) ?? (alone === undefined ? undefined : clockTime(String(alone), 0, undefined));
}

/** The day a sentence speaks of as `YYYY-MM-DD`. */
export function dateIn(text: string, today: Date): string | undefined {
  const words = plain(text);
  const written = /\b\d{4}-\d{2}-\d{2}\b/.exec(words)?.[0];
  if (written) return written;
  if (/\b(?:today|tonight|this (?:evening|afternoon))\b/.test(words)) return isoDate(today);
  if (/\btomorrow\b/.test(words)) return isoDate(daysAfter(today, 1));
  const weekday = WEEKDAYS.findIndex((name) => words.includes(name));
  return weekday < 0 ? undefined : isoDate(daysAfter(today, (weekday - today.getDay() + 7) % 7));
}

/** `20:00` as it is said: "eight"; `20:30`: "half past eight". */
export function sayTime(time: string): string {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  if (minutes === 45) return `a quarter to ${hourName(hours + 1)}`;
  const hour = hourName(hours);
  if (minutes === 0) return hour === 'twelve' ? 'noon' : hour;
  if (minutes === 15) return `a quarter past ${hour}`;
  if (minutes === 30) return `half past ${hour}`;
  return `${hour} ${minutes < 10 ? `oh ${NUMBERS[minutes] ?? ''}` : minutes}`;
}

/** A date as it is said. */
export function sayDate(date: string, today: Date): string {
  if (date === isoDate(today)) return 'tonight';
  if (date === isoDate(daysAfter(today, 1))) return 'tomorrow';
  const day = new Date(`${date}T12:00:00`);
  const weekday = day.toLocaleDateString('en-GB', { weekday: 'long' });
  const isThisWeek = date > isoDate(today) && date < isoDate(daysAfter(today, 7));
  return isThisWeek
    ? `on ${weekday}`
    : `on ${weekday} ${day.toLocaleDateString('en-GB', { day: 'numeric', month: 'long' })}`;
}

export function sayNumber(count: number): string {
  return NUMBERS[count] ?? String(count);
}

export function isoDate(day: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function hourName(hours: number): string {
  return NUMBERS[((hours + 11) % 12) + 1] ?? String(hours);
}

function daysAfter(day: Date, days: number): Date {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days, 12);
}

function clockTime(hourText: string | undefined, minute: number, half: string | undefined): string | undefined {
  const spoken = numberOf(hourText);
  if (spoken === undefined || spoken > 23 || minute > 59) return undefined;
  // "08:00" is written by a machine and means the morning; "8:00" is said by a guest and does not.
  const isEvening = half ? half.startsWith('p') : spoken < 12 && !hourText?.startsWith('0');
  const hour = spoken < 12 && isEvening ? spoken + 12 : spoken === 12 && half?.startsWith('a') ? 0 : spoken;
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NUMBERS.indexOf(text);
  return value < 0 ? undefined : value;
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/(\p{L})-(\p{L})/gu, '$1 $2');
}
