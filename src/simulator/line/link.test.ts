import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../std/clock.ts';
import {
  greet,
  type SampleBehaviour,
  type SampleServer,
  type SampleSession,
  startSampleServer,
} from '../stubs/sample-server.fixture.ts';
import { DEFAULT_SWITCHES, type Switches } from '../switches.ts';
import { Link } from './link.ts';
import { DEFAULT_TIMINGS, type RetellTimings } from './timings.ts';

const TIMINGS = {
  ...DEFAULT_TIMINGS,
  connectTimeoutMs: 200,
  betweenAttemptsMs: 10,
  pingEveryMs: 20,
  pingLostMs: 60,
  redialMs: { min: 1, max: 2 },
};

let server: SampleServer | undefined;
let link: Link | undefined;
afterEach(async () => {
  link?.end('test over');
  await server?.close();
  server = undefined;
});

interface Seen {
  readonly link: Link;
  readonly happened: string[];
  readonly opened: Promise<void>;
  /** Resolves with the reason the call ended. */
  readonly over: Promise<string>;
}

async function linkTo(
  behaviour: SampleBehaviour,
  moved: Partial<Switches> = {},
  url?: string,
  timings: RetellTimings = TIMINGS,
): Promise<Seen> {
  server = await startSampleServer(behaviour);
  const happened: string[] = [];
  let finish: (reason: string) => void = () => {};
  const over = new Promise<string>((resolve) => {
    finish = resolve;
  });
  let arrive: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const made = new Link({
    url: url ?? `${server.url.replace('http', 'ws')}/llm-websocket/call_link_test`,
    clock: systemClock,
    timings,
    switches: { ...DEFAULT_SWITCHES, ...moved },
    random: () => 0.5,
    hooks: {
      opened: () => {
        happened.push('opened');
        arrive();
      },
      text: (text) => {
        if (text.includes('"auto_reconnect":true')) made.keepAlive();
        if (text.includes('"ping_pong"')) made.pong();
      },
      binary: (bytes) => happened.push(`binary ${bytes}`),
      pinged: () => happened.push('pinged'),
      lost: (code, cause) => happened.push(`lost ${code} ${cause}`),
      over: finish,
    },
  });
  link = made;
  made.open();
  return { link: made, happened, opened, over };
}

const count = (happened: readonly string[], what: string) => happened.filter((one) => one === what).length;
const closeWith = (code?: number) => (session: SampleSession) => session.socket.close(code);

describe('a link', () => {
  it('tries three times to open a socket, then the call is over', async () => {
    const { over } = await linkTo({ refuseUpgrade: () => 503 });
    expect(await over).toBe('error_llm_websocket_open');
    expect(server?.upgrades()).toBe(3);
  });

  it('tries once in the position in which a refused upgrade is final', async () => {
    const { over } = await linkTo({ refuseUpgrade: () => 401 }, { retryRefusedUpgrade: 'no' });
    expect(await over).toBe('error_llm_websocket_open');
    expect(server?.upgrades()).toBe(1);
  });

  it('opens on a later attempt', async () => {
    const { link, over } = await linkTo({
      refuseUpgrade: (attempt) => (attempt < 3 ? 503 : undefined),
      onOpen: closeWith(1000),
    });
    expect(await over).toBe('agent_hangup');
    expect(link.isOpen).toBe(false);
  });

  it('gives up when nobody listens', async () => {
    const { over } = await linkTo({}, {}, 'ws://127.0.0.1:1/llm-websocket/call_link_test');
    expect(await over).toBe('error_llm_websocket_open');
  });

  it('gives up an upgrade that is not answered in time', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { over } = await linkTo({}, {}, `ws://127.0.0.1:${port}/x`);
    expect(await over).toBe('error_llm_websocket_open');
    silent.close();
  });

  it.each([
    [1000, 'agent_hangup'],
    [undefined, 'error_llm_websocket_open'],
    [1001, 'error_llm_websocket_runtime'],
    [1012, 'error_llm_websocket_runtime'],
    [4000, 'error_llm_websocket_runtime'],
  ])('ends the call when the server closes with %s', async (code, reason) => {
    const { over, happened } = await linkTo({ onOpen: closeWith(code) });
    expect(await over).toBe(reason);
    expect(happened).toEqual(['opened', `lost ${code ?? 1005} server`]);
  });

  it('redials a connection that breaks four times, and no more', async () => {
    const { over, happened } = await linkTo({ onOpen: (session) => session.socket.terminate() });
    expect(await over).toBe('error_llm_websocket_runtime');
    expect(count(happened, 'opened')).toBe(5);
    expect(count(happened, 'lost 1006 server')).toBe(5);
  });

  it('redials a server that echoes no pings twice, and no more', async () => {
    const { over, happened } = await linkTo({ onOpen: greet, onPing: () => {} });
    expect(await over).toBe('error_llm_websocket_lost_connection');
    expect(count(happened, 'opened')).toBe(3);
    expect(count(happened, 'lost 1006 keepalive')).toBe(3);
    expect(count(happened, 'pinged')).toBeGreaterThanOrEqual(6);
  });

  it('keeps a socket whose pings are echoed', async () => {
    let pings = 0;
    let enough: () => void = () => {};
    const echoed = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const onPing: SampleBehaviour['onPing'] = (session, timestamp) => {
      session.send({ response_type: 'ping_pong', timestamp });
      pings += 1;
      if (pings === 8) enough();
    };
    // Lost only after far longer than this machine may stall.
    const { happened } = await linkTo({ onPing }, {}, undefined, { ...TIMINGS, pingLostMs: 4_000 });
    await echoed;
    expect(count(happened, 'opened')).toBe(1);
  });

  it('ends the call on a binary frame, with 1007', async () => {
    let code: Promise<number> | undefined;
    const { over, happened } = await linkTo({
      onOpen: (session) => {
        code = new Promise((resolve) => session.socket.once('close', resolve));
        session.socket.send(Buffer.from('{}'));
      },
    });
    expect(await over).toBe('error_llm_websocket_corrupt_payload');
    expect(happened).toEqual(['opened', 'binary 2']);
    expect(await code).toBe(1007);
  });

  it.each([
    ['1000', 1000],
    ['1005', 1005],
    ['1006', 1006],
  ] as const)('closes a call that has ended the way the switch normalClose says: %s', async (normalClose, code) => {
    let seen: (code: number) => void = () => {};
    const closed = new Promise<number>((resolve) => {
      seen = resolve;
    });
    const { link, over, opened } = await linkTo(
      { onOpen: (session) => session.socket.once('close', seen) },
      { normalClose },
    );
    await opened;
    link.end('user_hangup');
    expect(await over).toBe('user_hangup');
    expect(await closed).toBe(code);
  });
});
