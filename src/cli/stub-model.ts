import { type ModelStubStats, startModelStub } from '../simulator/stubs/model-stub.ts';
import type { StubBehaviour, StubShare } from '../simulator/stubs/stub-behaviour.ts';
import { Fault } from '../std/fault.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

/** Shares are ratios from 0 to 1; what is left of 1 is answered well. */
export interface StubModelFlags {
  readonly port: number;
  readonly firstTokenMs: number;
  readonly tokenMs: number;
  readonly hang: number;
  readonly rateLimited: number;
  readonly error: number;
  readonly cut: number;
  readonly malformed: number;
  readonly slow: number;
  readonly seed?: number;
}

/** Later than the second try begins, earlier than the final line. */
const SLOW_MS = 3_000;
const KEY = 'stub-key';

/** `offhook stub-model`: a model that fails as told, until Ctrl-C. Data are the lines to export; talk goes to stderr. */
export async function stubModel(flags: StubModelFlags, { terminal }: Surroundings): Promise<number> {
  const shares = sharesOf(flags);
  const stub = await startModelStub({
    port: flags.port,
    shares,
    otherwise: { kind: 'ok', firstTokenMs: flags.firstTokenMs, tokenMs: flags.tokenMs },
    apiKey: KEY,
    ...(flags.seed !== undefined && { seed: flags.seed }),
  });
  const interrupted = Promise.withResolvers<void>();
  const stopListening = terminal.onInterrupt(interrupted.resolve);
  try {
    terminal.out(
      [`export OPENAI_BASE_URL=${stub.url}`, `export OPENAI_API_KEY=${KEY}`, 'export OPENAI_MODEL=stub'].join('\n'),
    );
    terminal.err('Give these lines to the shell that runs `npm start`. Ctrl-C ends the model.');
    await interrupted.promise;
    terminal.err(summary(stub.stats()));
    return EXIT.done;
  } finally {
    stopListening();
    await stub.close();
  }
}

/** Each failure as the stub plays it; those that can happen at several places happen at each of them. */
function sharesOf(flags: StubModelFlags): readonly StubShare[] {
  const shares = [
    ...spread(flags.hang, [
      { kind: 'hang', at: 'before_headers' },
      { kind: 'hang', at: 'after_headers' },
      { kind: 'hang', at: { afterTokens: 3 } },
    ]),
    ...spread(flags.rateLimited, [{ kind: 'refuse', status: 429, retryAfterSeconds: 1 }]),
    ...spread(flags.error, [{ kind: 'refuse', status: 500 }]),
    ...spread(flags.cut, [
      { kind: 'cut', afterTokens: 0 },
      { kind: 'cut', afterTokens: 4 },
    ]),
    ...spread(flags.malformed, [
      { kind: 'malformed', how: 'bad_json' },
      { kind: 'malformed', how: 'html_page' },
      { kind: 'malformed', how: 'endless_line' },
    ]),
    ...spread(flags.slow, [{ kind: 'ok', firstTokenMs: SLOW_MS, tokenMs: flags.tokenMs }]),
  ];
  const total = shares.reduce((sum, { ratio }) => sum + ratio, 0);
  if (total > 1 + Number.EPSILON * shares.length) {
    throw new Fault(
      'invalid',
      'cli.shares_too_large',
      `expected shares of at most 100 % together, got ${Math.round(total * 100)} %`,
      {
        fixes: ['offhook stub-model --help'],
      },
    );
  }
  return shares;
}

function spread(ratio: number, behaviours: readonly StubBehaviour[]): readonly StubShare[] {
  return ratio === 0 ? [] : behaviours.map((behaviour) => ({ ratio: ratio / behaviours.length, behaviour }));
}

function summary({ requests, aborted, byKind }: ModelStubStats): string {
  const kinds = Object.entries(byKind)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} ${count}`);
  return `${requests} requests (${kinds.join(', ') || 'none'}), ${aborted} abandoned by the client`;
}
