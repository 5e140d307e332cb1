import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SharedLeases } from '../ports/leases.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type Away, awayAtWill, type Mode, redisOf } from './away.fixture.ts';
import { type LeasedShare, shareLeases } from './leased-share.ts';
import { type SharedSlots, sharedSlots } from './shared-leases.fixture.ts';

const signal = new AbortController().signal;
const LIMIT = 4;
const TTL_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
const SPLIT_MS = 4_000;
const BETWEEN_SPLITS_MS = 6_000;
const AWAY = ['gone', 'silent', 'deaf', 'stopped'] as const;

type Happening =
  /** Several at once: they are not waited for one by one. */
  | { readonly kind: 'begin'; readonly at: number; readonly calls: readonly number[] }
  | { readonly kind: 'dial'; readonly at: number; readonly call: number }
  | { readonly kind: 'end'; readonly which: number; readonly isAwaited: boolean }
  /** Its socket is lost; the next one comes to the other replica, or the end is heard there. */
  | { readonly kind: 'lose'; readonly which: number; readonly next: 'redial' | 'end'; readonly isHeard: boolean }
  | { readonly kind: 'outage'; readonly mode: Mode; readonly delayMs: number }
  /** One replica alone cannot reach the keeper, for a time in which no lease runs out. */
  | { readonly kind: 'split'; readonly at: number; readonly mode: Mode }
  | { readonly kind: 'wait'; readonly ms: number };

const at = fc.nat(1);
const call = fc.nat(15);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('begin'), at, calls: fc.array(call, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('dial'), at, call }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end'), which: fc.nat(5), isAwaited: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('lose'),
      which: fc.nat(5),
      next: fc.constantFrom('redial', 'end'),
      isHeard: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('outage'),
      mode: fc.constantFrom<Mode>('there', 'there', ...AWAY),
      delayMs: fc.constantFrom(0, 20, 60, 150),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(20, 200, 1_100, 4_000, 30_000) }),
  },
);

interface Replica {
  readonly share: LeasedShare;
  readonly away: Away<SharedLeases>;
}

/** One that was refused by one replica is not tried at the other one: Retell dials again only what was let in. */
const callOf = (place: number, id: number) => `call-${place}-${id}`;

/** Two replicas over one keeper, which is away for both at once, and their calls. */
class Fleet {
  readonly clock = new ManualClock();
  readonly slots: SharedSlots = sharedSlots(this.clock);
  readonly #replicas: readonly Replica[] = [this.#replica(), this.#replica()];
  /** Calls admitted and not yet ended, and where they are. */
  readonly live = new Map<string, LeasedShare>();
  #mode: Mode = 'there';
  #wholeUntil = 0;
  /** The most there ever were. */
  most = 0;
  /** Being admitted or ended just now. */
  readonly #busy = new Set<string>();
  /** Known to both: one that has ended does not come back, its end may still be on its way from the other one. */
  readonly #moved = new Set<string>();

  constructor() {
    this.clock.every(RENEW_EVERY_MS, () => {
      for (const [holder, share] of this.live) void share.adopt(holder, TTL_MS, signal);
    });
  }

  async play(one: Happening): Promise<void> {
    switch (one.kind) {
      case 'begin':
        for (const id of one.calls)
          void this.#begin(callOf(one.at, id), one.at, (share, holder) => this.#admit(share, holder));
        break;
      case 'dial':
        void this.#begin(callOf(one.at, one.call), one.at, async (share, holder) => {
          if (!(await this.#admit(share, `dial:${holder}`))) return false;
          return share.rename(`dial:${holder}`, holder, TTL_MS, signal);
        });
        break;
      case 'end': {
        const [holder, share] = [...this.live][one.which] ?? [];
        if (holder === undefined || !share || this.#busy.has(holder)) break;
        this.live.delete(holder);
        this.#busy.add(holder);
        const ended = share.release(holder, signal).finally(() => this.#busy.delete(holder));
        if (one.isAwaited) await this.clock.advance(100);
        void ended;
        break;
      }
      case 'lose': {
        const [holder, share] = [...this.live][one.which] ?? [];
        const other = this.#replicas.find((replica) => replica.share !== share)?.share;
        if (holder === undefined || !share || !other || this.#busy.has(holder)) break;
        this.#busy.add(holder);
        this.#moved.add(holder);
        if (one.next === 'end') this.live.delete(holder);
        else this.live.set(holder, other);
        const lost = this.#lose(holder, share, other, one).finally(() => this.#busy.delete(holder));
        await this.clock.advance(100);
        void lost;
        break;
      }
      case 'outage':
        this.#mode = one.mode;
        for (const { away } of this.#replicas) {
          away.delayMs = one.delayMs;
          if (one.mode === 'there') await away.comeBack();
          else away.mode = one.mode;
        }
        break;
      case 'split': {
        const away = this.#replicas[one.at]?.away;
        if (!away || this.#mode !== 'there' || this.clock.now() < this.#wholeUntil) break;
        this.#wholeUntil = this.clock.now() + SPLIT_MS + BETWEEN_SPLITS_MS;
        away.mode = one.mode;
        this.clock.after(SPLIT_MS, () => {
          if (this.#mode === 'there') void away.comeBack();
        });
        break;
      }
      case 'wait':
        await this.clock.advance(one.ms);
        break;
      default:
        one satisfies never;
    }
    expect(this.most).toBeLessThanOrEqual(LIMIT);
  }

  async calmDown(): Promise<void> {
    await this.play({ kind: 'outage', mode: 'there', delayMs: 0 });
    // What was left here and ended elsewhere meanwhile runs out.
    await this.clock.advance(5_000 + TTL_MS);
  }

  async #begin(
    holder: string,
    place: number,
    admit: (share: LeasedShare, holder: string) => Promise<boolean>,
  ): Promise<void> {
    const share = this.#replicas[place]?.share;
    if (!share || this.live.has(holder) || this.#busy.has(holder) || this.#moved.has(holder)) return;
    this.#busy.add(holder);
    const isAdmitted = await admit(share, holder).finally(() => this.#busy.delete(holder));
    if (!isAdmitted) return;
    this.live.set(holder, share);
    this.most = Math.max(this.most, this.live.size);
  }

  async #lose(
    holder: string,
    share: LeasedShare,
    other: LeasedShare,
    { next, isHeard }: Happening & { readonly kind: 'lose' },
  ): Promise<void> {
    await share.leave(holder, TTL_MS, signal);
    if (next === 'end') return other.release(holder, signal);
    await other.adopt(holder, TTL_MS, signal);
    if (isHeard && this.#mode === 'there') share.forget(holder);
  }

  async #admit(share: LeasedShare, holder: string): Promise<boolean> {
    return (await share.acquire(holder, LIMIT, TTL_MS, signal)) === 'held';
  }

  #replica(): Replica {
    const away = awayAtWill(this.slots.leases, this.clock);
    return { share: shareLeases(away.port, redisOf(this.clock), this.clock, silentLog), away };
  }
}

it('never has more calls than slots, and leaks none of them, whatever becomes of the keeper', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 50, size: 'max' }), async (happenings) => {
      const fleet = new Fleet();
      for (const one of happenings) await fleet.play(one);
      await fleet.calmDown();
      expect(fleet.slots.holders()).toEqual([...fleet.live.keys()].sort());
    }),
    { numRuns: 150 },
  );
}, 60_000);
