import { createInterface } from 'node:readline';
import { type Conversation, converse, type Reply } from '../simulator/conversation.ts';
import { DEFAULT_SWITCHES } from '../simulator/switches.ts';
import { Fault, toFault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';
import { randomHex } from '../std/random.ts';
import { loadAgents } from '../variants/config.ts';
import { linesThatBuyTime } from './agent-lines.ts';
import { EXAMPLE_AGENT } from './example-agent.ts';
import { EXIT } from './exit-codes.ts';
import { findServer, type ServerFlags } from './find-server.ts';
import type { Surroundings } from './surroundings.ts';
import type { Terminal } from './terminal.ts';

export interface TalkFlags extends ServerFlags {
  readonly say?: string;
  readonly callId?: string;
  readonly agentId?: string;
}

/** `offhook talk`: one caller who types. With `--say` one thing is said, its answer printed, and nothing else. */
export async function talk(flags: TalkFlags, around: Surroundings): Promise<number> {
  const { terminal } = around;
  const interrupted = new AbortController();
  const interrupt = () =>
    interrupted.abort(new Fault('cancelled', 'cli.interrupted', 'expected to finish, was interrupted'));
  const stopListening = terminal.onInterrupt(interrupt);
  const { signal } = interrupted;
  let conversation: Conversation | undefined;
  try {
    conversation = await dial(flags, around, signal);
    const code = flags.say === undefined ? await chat(conversation, terminal, interrupt, signal) : undefined;
    return code ?? (await sayOnce(conversation, flags.say ?? '', terminal, signal));
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    terminal.err('');
    return EXIT.interrupted;
  } finally {
    stopListening();
    // The call is over for the caller in any case; the server hears so while there is somebody to tell.
    await conversation?.hangUp(AbortSignal.timeout(GOODBYE_MS)).catch(() => undefined);
  }
}

const GOODBYE_MS = 5_000;

async function dial(flags: TalkFlags, around: Surroundings, signal: AbortSignal): Promise<Conversation> {
  const { terminal } = around;
  const { target, webhookKey } = await findServer(flags, around, signal);
  const agents = await loadAgents(around.env, around.cwd, EXAMPLE_AGENT);
  const agentId = flags.agentId ?? agents[0]?.retellAgentIds[0];
  const callId = flags.callId ?? `talk_${randomHex(8)}`;
  if (flags.say === undefined) {
    terminal.err(terminal.paint('dim', `call ${callId}   /help says what you can do, Ctrl-C hangs up`));
  }
  const conversation = await converse(
    {
      ...target,
      fillers: linesThatBuyTime(agents),
      ...(webhookKey !== undefined && { webhookKey }),
      callId,
      // Retell would try again; a person wants to know at once that the secret is wrong.
      switches: { ...DEFAULT_SWITCHES, retryRefusedUpgrade: 'no' },
      ...(agentId !== undefined && { agentId }),
      ...(flags.say === undefined && { onWords: (content) => sayWords(terminal, content) }),
    },
    signal,
  ).catch((thrown: unknown) => {
    throw asRefused(toFault(thrown));
  });
  const { started } = conversation;
  if (started && !started.isAccepted) {
    terminal.err(
      `Note: the server did not accept our call_started (${started.answer?.status ?? 'no answer'}), so it may not trust this call with bookings. Give both the same OFFHOOK_DATA_DIR or RETELL_WEBHOOK_KEY.`,
    );
  }
  return conversation;
}

/** Somebody listens there, and did not take the call. */
function asRefused(fault: Fault): Fault {
  if (fault.detail.reason !== 'error_llm_websocket_open') return fault;
  return new Fault(
    'unauthenticated',
    'server.call_refused',
    'expected the server to take the call, it refused the socket',
    {
      cause: fault,
      fixes: [
        'give the secret of its socket: --secret, or OFFHOOK_SOCKET_SECRET',
        'leave --call-id out: the id of a call that has ended is not taken again',
      ],
    },
  );
}

async function sayOnce(
  conversation: Conversation,
  text: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const reply = await conversation.say(text, signal);
  terminal.out(reply.answer);
  for (const breach of conversation.breaches()) terminal.err(`Note: ${breach.rule}: ${breach.detail}`);
  return reply.answer === '' ? EXIT.failed : EXIT.done;
}

/** Reads lines until the call ends, the caller hangs up, or nothing more can be read. */
async function chat(
  conversation: Conversation,
  terminal: Terminal,
  interrupt: () => void,
  signal: AbortSignal,
): Promise<number> {
  sayFigures(terminal, conversation.greeting);
  const { input, output, isInteractive } = terminal;
  const lines = createInterface({
    input,
    ...(isInteractive && { output }),
    prompt: terminal.paint('cyan', '    you ❯ '),
  });
  lines.on('SIGINT', interrupt);
  const stop = () => lines.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (isInteractive) lines.prompt();
    for await (const line of lines) {
      if (await take(line.trim(), conversation, terminal, signal)) break;
      if (isInteractive) lines.prompt();
    }
    signal.throwIfAborted();
    const reason = conversation.overReason();
    if (reason !== undefined) terminal.err(terminal.paint('dim', `call ended: ${reason}`));
    return EXIT.done;
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}

const COMMANDS: Readonly<Record<string, string>> = {
  '/silence': 'say nothing until the agent asks whether you are there',
  '/dtmf': 'press keys: /dtmf 1',
  '/drop': 'lose the connection, as Retell does; it dials back',
  '/hangup': 'end the call',
  '/help': 'print this',
};

/** One line of the caller. @returns whether the call is over */
async function take(
  line: string,
  conversation: Conversation,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  const [command = '', argument = ''] = line.split(/\s+/, 2);
  if (line === '') return false;
  if (!line.startsWith('/')) return told(terminal, await conversation.say(line, signal));
  switch (command) {
    case '/silence':
      return told(terminal, await conversation.silence(signal));
    case '/dtmf':
      return /^[0-9*#]$/.test(argument)
        ? told(terminal, await conversation.pressDigit(argument, signal))
        : hint(terminal, 'expected one key: /dtmf 1');
    case '/drop': {
      const { afterMs } = await conversation.dropSocket(signal);
      return hint(terminal, `connection lost, back after ${milliseconds(afterMs)}: the same call goes on`);
    }
    case '/hangup':
      await conversation.hangUp(signal);
      return true;
    case '/help':
      return hint(
        terminal,
        Object.entries(COMMANDS)
          .map(([name, does]) => `${name.padEnd(10)}${does}`)
          .join('\n'),
      );
    default: {
      const meant = nearest(command, Object.keys(COMMANDS));
      return hint(
        terminal,
        `there is no ${command}${meant ? `; did you mean ${meant}?` : ''}   /help says what there is`,
      );
    }
  }
}

function told(terminal: Terminal, reply: Reply): boolean {
  sayFigures(terminal, reply);
  return reply.isOver;
}

function hint(terminal: Terminal, text: string): false {
  terminal.err(terminal.paint('dim', text.replace(/^/gm, '          ')));
  return false;
}

function sayWords(terminal: Terminal, content: string): void {
  terminal.out(`  ${terminal.paint('green', 'agent ●')} ${content.trim()}`);
}

/** What is worth knowing of a turn beside its words. */
function sayFigures(terminal: Terminal, { answer, firstSentenceMs, answerMs, toolCalls, actions }: Reply): void {
  const figures = [
    ...toolCalls.map((name) => `tool ${name}`),
    ...(firstSentenceMs !== undefined && firstSentenceMs !== answerMs
      ? [`first sentence ${milliseconds(firstSentenceMs)}`]
      : []),
    ...(answerMs === undefined ? [] : [`answer ${milliseconds(answerMs)}`]),
    ...actions.map(({ kind }) => `then: ${kind}`),
  ];
  if (answer === '') figures.push('no words');
  if (figures.length > 0) hint(terminal, figures.join(' · '));
}

function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
