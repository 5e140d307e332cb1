import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CallId, parseCallId } from '../../src/call/call.ts';
import type { CallControl } from '../../src/ports/call-control.ts';
import { Fault } from '../../src/std/fault.ts';

/** What becomes of the next dial. */
export type DialPlay =
  /** The phone rings, and no answer comes. */
  | 'silence'
  /** The phone rings, and the connection breaks. */
  | 'reset'
  /** The phone rings, and the answer is that the server failed. */
  | 'failed after dialling'
  /** Nobody is dialled: the answer says that the limit is reached. */
  | 'refused';

/** One adapter under test, with a provider that does as it is told. */
export interface ControlSubject {
  readonly port: CallControl;
  /** The same with a key that the provider does not take. */
  readonly withWrongKey: CallControl;
  playNext(play: DialPlay): void;
  /** Phones that have rung. */
  dials(): number;
  /** Requests to dial that have reached the provider, whatever became of them. */
  requests(): number;
  /** The provider's own word on a call. */
  statusOf(callId: CallId): string | undefined;
  /** The call is over by the provider's word, and nobody is told. */
  endSilently(callId: CallId, disconnectionReason: string, durationMs: number): void;
  /** The provider's lists name no call, or do so again. */
  hideLists(isHidden: boolean): void;
  setConcurrency(current: number, limit: number): void;
  /** From now on nobody listens. */
  shut(): Promise<void>;
  close(): Promise<void>;
}

const idle = new AbortController().signal;
const PERSON = { fromNumber: '+15550100', toNumber: '+15550199', metadata: { request: 'r1' } };
const NOBODY = parseCallId('call_of_nobody_at_all') as CallId;
const gone = new Fault('cancelled', 'request.gone', 'expected a reader, it left');

/** What every call control must do. */
export function callControlContract(name: string, open: () => Promise<ControlSubject>): void {
  describe(`the call control contract over ${name}`, () => {
    let subject: ControlSubject;
    let control: CallControl;
    beforeEach(async () => {
      subject = await open();
      control = subject.port;
    });
    afterEach(() => subject.close());
    const place = async () => (await control.place(PERSON, idle)).callId;

    it('places a call, says under which id, and finds it by that', async () => {
      const placed = await control.place({ ...PERSON, agentId: 'agent_desk' }, idle);
      expect(parseCallId(placed.callId)).toBe(placed.callId);
      expect(placed).toMatchObject({ status: 'registered', agentId: 'agent_desk' });
      expect(await control.fetch(placed.callId, idle)).toEqual(placed);
      expect(subject.dials()).toBe(1);
    });

    it.each([
      ['silence', 1, 'timeout', 'retell.outcome_unknown'],
      ['reset', 1, 'timeout', 'retell.outcome_unknown'],
      ['failed after dialling', 1, 'timeout', 'retell.outcome_unknown'],
      ['refused', 0, 'exhausted', 'retell.rate_limited'],
    ] as const)('asks once for each place: %s rings %i phone and is a Fault: %s, %s', async (play, rang, kind, reason) => {
      subject.playNext(play);
      expect(await faultOf(control.place(PERSON, idle))).toMatchObject({ kind, reason });
      expect(subject.requests()).toBe(1);
      expect(subject.dials()).toBe(rang);
      await control.place(PERSON, idle);
      expect(subject.dials()).toBe(rang + 1);
    });

    it('dials nobody for a signal that is already aborted', async () => {
      expect(await faultOf(control.place(PERSON, AbortSignal.abort(gone)))).toBe(gone);
      expect(subject.requests()).toBe(0);
    });

    it('knows no call that the provider does not know', async () => {
      expect(await control.fetch(NOBODY, idle)).toBeUndefined();
    });

    it('ends a call, and says so when there is none to end', async () => {
      const { callId } = await control.place(PERSON, idle);
      await control.end(callId, idle);
      expect(subject.statusOf(callId)).toBe('ended');
      expect(await control.fetch(callId, idle)).toMatchObject({ status: 'ended' });
      const fault = await faultOf(control.end(NOBODY, idle));
      expect(fault).toMatchObject({ kind: 'not_found', reason: 'retell.not_found' });
    });

    it('finds a call by a field of its metadata, and no other call by it', async () => {
      await control.place({ ...PERSON, metadata: { order: 'o-2' } }, idle);
      const placed = await control.place({ ...PERSON, metadata: { order: 'o-1' } }, idle);
      for (let others = 0; others < 3; others++) await control.place(PERSON, idle);
      expect(await control.findByMetadata('order', 'o-1', 0, idle)).toEqual(placed);
      expect(await control.findByMetadata('order', 'o-3', 0, idle)).toBeUndefined();
      expect(await control.findByMetadata('request', 'o-1', 0, idle)).toBeUndefined();
    });

    it('finds the call of a dial whose outcome was unknown, once the list names it', async () => {
      subject.playNext('reset');
      await faultOf(control.place({ ...PERSON, metadata: { order: 'o-1' } }, idle));
      subject.hideLists(true);
      expect(await control.findByMetadata('order', 'o-1', 0, idle)).toBeUndefined();
      subject.hideLists(false);
      expect(await control.findByMetadata('order', 'o-1', 0, idle)).toMatchObject({ status: 'registered' });
    });

    it('says which of some calls are over, and how they ended', async () => {
      const [first, second, third] = [await place(), await place(), await place()];
      expect(await control.ended([first, second, NOBODY], idle)).toEqual([]);
      subject.endSilently(first, 'user_hangup', 61_000);
      subject.endSilently(third, 'dial_busy', 0);
      const [over, ...more] = await control.ended([first, second, NOBODY], idle);
      expect(more).toEqual([]);
      expect(over).toMatchObject({ callId: first, disconnectionReason: 'user_hangup', durationMs: 61_000 });
      expect(over?.endedAt).toBeGreaterThan(0);
      expect(await control.ended([], idle)).toEqual([]);
    });

    it('says how many calls the workspace has at once, and may have', async () => {
      subject.setConcurrency(7, 20);
      expect(await control.concurrency(idle)).toEqual({ current: 7, limit: 20 });
    });

    it('lists the voice agents of the workspace by name', async () => {
      const agents = await control.agents(idle);
      expect(agents.length).toBeGreaterThan(1);
      expect(agents.map(({ name }) => name)).toEqual(agents.map(({ name }) => name).toSorted());
      expect(agents.every(({ id }) => id !== 'agent_chat')).toBe(true);
    });

    it('says that the key is refused, whatever was asked for', async () => {
      const { withWrongKey } = subject;
      const asked = [
        withWrongKey.place(PERSON, idle),
        withWrongKey.fetch(NOBODY, idle),
        withWrongKey.end(NOBODY, idle),
        withWrongKey.findByMetadata('order', 'o-1', 0, idle),
        withWrongKey.ended([NOBODY], idle),
        withWrongKey.concurrency(idle),
        withWrongKey.agents(idle),
      ];
      for (const fault of await Promise.all(asked.map(faultOf))) {
        expect(fault).toMatchObject({ kind: 'unauthenticated', reason: 'retell.key_refused' });
      }
      expect(subject.dials()).toBe(0);
    });

    it('knows that nothing was done where nobody listens', async () => {
      await subject.shut();
      for (const fault of await Promise.all([control.place(PERSON, idle), control.end(NOBODY, idle)].map(faultOf))) {
        expect(fault).toMatchObject({ kind: 'unavailable', reason: 'retell.unavailable' });
      }
    });
  });
}

/** The Fault that the work fails with; it tells no number of anybody's. */
async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Fault)) throw new Error(`expected a Fault, got ${typeof thrown}`);
  expect(`${thrown.message} ${JSON.stringify(thrown.detail)}`).not.toContain(PERSON.toNumber);
  return thrown;
}
