import { retellCallControl } from '../../src/adapters/retell/call-control.ts';
import { startFakeRetell } from '../../src/simulator/stubs/fake-retell.ts';
import { type ControlSubject, callControlContract, type DialPlay } from './call-control.ts';

const DIAL = 'POST /v2/create-phone-call';
/** Long enough for a loopback answer on a busy machine; a dial nobody answers waits it out. */
const TIMEOUT_MS = 300;

const FAILURES = {
  silence: { kind: 'timeout' },
  reset: { kind: 'reset' },
  'failed after dialling': { kind: 'status', status: 500 },
  refused: { kind: 'refused', status: 429 },
} as const satisfies { readonly [play in DialPlay]: object };

async function overFakeRetell(): Promise<ControlSubject> {
  const fake = await startFakeRetell({ apiKey: 'key_1' });
  const controlWith = (apiKey: string) => retellCallControl({ apiKey, baseUrl: fake.url, timeoutMs: TIMEOUT_MS });
  let isOpen = true;
  const shut = async () => {
    if (isOpen) await fake.close();
    isOpen = false;
  };
  return {
    port: controlWith('key_1'),
    withWrongKey: controlWith('key_2'),
    playNext: (play) => fake.failNext(FAILURES[play]),
    dials: () => fake.dials().length,
    requests: () => fake.requests().get(DIAL) ?? 0,
    statusOf: (callId) => fake.calls().find(({ call_id }) => call_id === callId)?.call_status,
    endSilently: fake.end,
    hideLists: fake.hideLists,
    setConcurrency: fake.setConcurrency,
    shut,
    close: shut,
  };
}

callControlContract('Retell', overFakeRetell);
