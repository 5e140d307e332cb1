/** What a guest wants; date `YYYY-MM-DD`, time `HH:MM`. */
export interface Wish {
  readonly people: number;
  readonly date: string;
  readonly time: string;
}

export interface Booking extends Wish {
  readonly reference: string;
}

export type Answer =
  | { readonly free: true }
  | {
      readonly free: false;
      readonly why: 'closed' | 'party too large' | 'fully booked';
      readonly instead: readonly string[];
    };

/** The restaurant's book. In memory, since this is an example: a real one is a service behind the same four verbs. */
export interface Book {
  look(wish: Wish): Answer;
  /** Books, or says why not. The same key books once and gets the same booking again. */
  book(key: string, wish: Wish): Booking | Extract<Answer, { free: false }>;
  find(key: string): Booking | undefined;
  /** False when there is no such booking. */
  cancel(reference: string): boolean;
}

const LARGEST_PARTY = 12;
const FIRST_TABLE = 12 * 60;
const LAST_TABLE = 21 * 60 + 30;
/** Two evenings of a simulation must fit: a demo that is full after the first hundred callers shows only refusals. */
const TABLES_AT_A_TIME = 2_000;
/** Beyond this the oldest booking is forgotten, so that a server that runs for weeks does not grow. */
const MOST_BOOKINGS = 10_000;

export function openBook(tables = TABLES_AT_A_TIME): Book {
  const bookings = new Map<string, Booking>();
  const taken = new Map<string, number>();
  let next = 101;

  return { look, book, find: (key) => bookings.get(key), cancel };

  function look(wish: Wish): Answer {
    if (wish.people < 1 || wish.people > LARGEST_PARTY) return { free: false, why: 'party too large', instead: [] };
    if (!isOpen(wish.time)) return { free: false, why: 'closed', instead: nearby(wish) };
    return hasTable(wish) ? { free: true } : { free: false, why: 'fully booked', instead: nearby(wish) };
  }

  function book(key: string, wish: Wish): Booking | Extract<Answer, { free: false }> {
    const known = bookings.get(key);
    if (known) return known;
    const answer = look(wish);
    if (!answer.free) return answer;
    const booking: Booking = { ...wish, reference: String(next++) };
    bookings.set(key, booking);
    count(booking, 1);
    const [oldest] = bookings.keys();
    if (bookings.size > MOST_BOOKINGS && oldest !== undefined) forget(oldest);
    return booking;
  }

  function cancel(reference: string): boolean {
    for (const [key, booking] of bookings) {
      if (booking.reference !== reference) continue;
      forget(key);
      return true;
    }
    return false;
  }

  function forget(key: string): void {
    const booking = bookings.get(key);
    if (!booking) return;
    bookings.delete(key);
    count(booking, -1);
  }

  function count({ date, time }: Wish, by: 1 | -1): void {
    const slot = `${date} ${time}`;
    const tablesTaken = (taken.get(slot) ?? 0) + by;
    if (tablesTaken > 0) taken.set(slot, tablesTaken);
    else taken.delete(slot);
  }

  function hasTable({ date, time }: Wish): boolean {
    return (taken.get(`${date} ${time}`) ?? 0) < tables;
  }

  /** Up to two times around the wish at which there is a table. */
  function nearby(wish: Wish): readonly string[] {
    const wanted = minutesOf(wish.time);
    const nearest = Math.min(LAST_TABLE, Math.max(FIRST_TABLE, Math.round(wanted / 30) * 30));
    return [0, -30, 30, -60, 60]
      .map((by) => timeOf(nearest + by))
      .filter((time) => time !== wish.time && isOpen(time) && hasTable({ ...wish, time }))
      .slice(0, 2);
  }
}

function isOpen(time: string): boolean {
  const minutes = minutesOf(time);
  return minutes >= FIRST_TABLE && minutes <= LAST_TABLE;
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function timeOf(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
