import { describe, expect, it } from 'vitest';
import { openBook } from './front-desk-book.ts';

const wish = { people: 2, date: '2026-11-21', time: '20:00' };

describe('the book', () => {
  it('books once for one key, and anew for another', () => {
    const book = openBook();
    expect(book.book('a', wish)).toEqual({ ...wish, reference: '101' });
    expect(book.book('a', wish)).toEqual({ ...wish, reference: '101' });
    expect(book.book('b', wish)).toEqual({ ...wish, reference: '102' });
    expect(book.find('a')?.reference).toBe('101');
    expect(book.find('c')).toBeUndefined();
  });

  it('offers times nearby when it is full, and has the table again after a cancellation', () => {
    const book = openBook(1);
    book.book('a', wish);
    expect(book.look(wish)).toEqual({ free: false, why: 'fully booked', instead: ['19:30', '20:30'] });
    expect(book.book('b', wish)).toMatchObject({ free: false });
    expect(book.cancel('101')).toBe(true);
    expect(book.cancel('101')).toBe(false);
    expect(book.look(wish)).toEqual({ free: true });
  });

  it('refuses what the house cannot do', () => {
    const book = openBook();
    expect(book.look({ ...wish, people: 13 })).toMatchObject({ why: 'party too large' });
    expect(book.look({ ...wish, time: '23:00' })).toEqual({ free: false, why: 'closed', instead: ['21:30', '21:00'] });
    expect(book.look({ ...wish, time: '09:15' })).toEqual({ free: false, why: 'closed', instead: ['12:00', '12:30'] });
  });

  it('forgets the oldest booking before it grows without end', () => {
    const book = openBook(20_000);
    for (let i = 0; i <= 10_000; i++) book.book(String(i), wish);
    expect(book.find('0')).toBeUndefined();
    expect(book.find('1')).toBeDefined();
  });
});
