import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';

/**
 * What only a live Retell account can settle, each as a switch with its positions; the first is the default. A
 * server keeps its promises in every position.
 *
 * Two questions cannot be simulated and have no switch: whether v3 web calls work with the published web client
 * (nothing of it reaches a server), and whether Retell dials from more addresses than the documented one (on
 * loopback every caller has the same).
 */
export const POSITIONS = {
  /** After a reconnect, is the open ask sent again under its id? */
  reissueAsk: ['no', 'yes'],
  /** Is a second id 0 with words spoken? It is a breach either way. */
  secondGreeting: ['silent', 'spoken'],
  /** Where the call id goes when the configured URL has a query. */
  callIdWithQuery: ['before', 'after'],
  /** How often `update_only` comes while someone speaks. */
  updateRate: ['phrase', 'word'],
  /** Do utterances carry word timings? */
  words: ['present', 'absent'],
  /** Deliveries of one webhook, the first included. */
  webhookAttempts: ['3', '4'],
  /** Between two deliveries of a webhook: 250 ms, or 1 s doubling. */
  webhookSpacing: ['short', 'doubling'],
  /** Is an upgrade that was answered with an HTTP status tried again? */
  retryRefusedUpgrade: ['yes', 'no'],
  /** How Retell closes the socket of a call that has ended. */
  normalClose: ['1000', '1005', '1006'],
  /** What `call_control` of update-live-call does to a custom-LLM call. */
  callControl: ['nothing', 'injects'],
  /** Does `call_inbound` bring the id the socket will have? */
  inboundCallId: ['same', 'absent'],
} as const;

type Name = keyof typeof POSITIONS;

/** One position for every question. */
export type Switches = { readonly [name in Name]: (typeof POSITIONS)[name][number] };

/** Every switch in its first position. */
export const DEFAULT_SWITCHES: Switches = {
  reissueAsk: 'no',
  secondGreeting: 'silent',
  callIdWithQuery: 'before',
  updateRate: 'phrase',
  words: 'present',
  webhookAttempts: '3',
  webhookSpacing: 'short',
  retryRefusedUpgrade: 'yes',
  normalClose: '1000',
  callControl: 'nothing',
  inboundCallId: 'same',
};

/**
 * Moves one switch.
 *
 * @param text `name=position`, as the command line has it
 * @throws Fault `simulator.switch_unknown`, `simulator.position_unknown`
 */
export function moveSwitch(switches: Switches, text: string): Switches {
  const [name = '', position = ''] = text.split('=', 2);
  if (!isName(name)) {
    const meant = nearest(name, Object.keys(POSITIONS));
    throw new Fault('invalid', 'simulator.switch_unknown', 'expected the name of a switch before "="', {
      detail: { name, meant },
      fixes: [meant ? `did you mean ${meant}?` : `switches: ${Object.keys(POSITIONS).join(', ')}`],
    });
  }
  if (!POSITIONS[name].some((known) => known === position)) {
    throw new Fault('invalid', 'simulator.position_unknown', `expected a position of ${name} after "="`, {
      detail: { name, position },
      fixes: [`positions of ${name}: ${POSITIONS[name].join(', ')}`],
    });
  }
  return { ...switches, [name]: position };
}

/** The defaults, and the defaults with one switch moved, for each other position of each: for tests to go through. */
export function allPositions(): readonly Switches[] {
  const moved = Object.entries(POSITIONS).flatMap(([name, positions]) =>
    positions.slice(1).map((position) => moveSwitch(DEFAULT_SWITCHES, `${name}=${position}`)),
  );
  return [DEFAULT_SWITCHES, ...moved];
}

function isName(text: string): text is Name {
  return Object.hasOwn(POSITIONS, text);
}
