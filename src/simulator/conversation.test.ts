import { afterEach, describe, expect, it } from 'vitest';
import { type Conversation, type ConversationOptions, converse } from './conversation.ts';
import { DEFAULT_TIMINGS } from './line/timings.ts';
import { type SampleBehaviour, type SampleServer, startSampleServer } from './stubs/sample-server.fixture.ts';

const inTime = () => AbortSignal.timeout(5_000);

let server: SampleServer | undefined;
let conversation: Conversation | undefined;
afterEach(async () => {
  await conversation?.hangUp(inTime());
  await server?.close();
});

async function talk(behaviour: SampleBehaviour = {}, options: Partial<ConversationOptions> = {}) {
  const started = await startSampleServer(behaviour);
  server = started;
  const timings = { ...DEFAULT_TIMINGS, redialMs: { min: 5, max: 10 }, betweenAttemptsMs: 10 };
  const made = await converse({ baseUrl: started.url, timings, ...options }, inTime());
  conversation = made;
  return made;
}

describe('a conversation', () => {
  it('hears the greeting, says one thing, and gives back the words as they were spoken', async () => {
    const pieces: string[] = [];
    const made = await talk({}, { onWords: (content) => pieces.push(content) });
    expect(made.greeting).toMatchObject({ answer: 'Good morning. How can I help?', actions: [], isOver: false });
    const reply = await made.say('A table for two.', inTime());
    expect(reply).toMatchObject({ answer: 'You said A table for two.. Is there more?', actions: [], isOver: false });
    expect(reply.answerMs).toBeGreaterThanOrEqual(0);
    expect(pieces).toEqual(['Good morning. How can I help?', 'You said A table for two.. Is there more?']);
    expect(made.breaches()).toEqual([]);
  });

  it('is reminded after silence', async () => {
    const asks: string[] = [];
    const made = await talk({
      onAsk: (session, ask) => {
        asks.push(ask.interaction_type);
        session.answer(ask.response_id, 'Are you still there?');
      },
    });
    expect(await made.silence(inTime())).toMatchObject({ answer: 'Are you still there?' });
    expect(asks).toEqual(['reminder_required']);
  });

  it('goes on after its socket was dropped', async () => {
    const made = await talk();
    const { afterMs } = await made.dropSocket(inTime());
    expect(afterMs).toBeGreaterThan(0);
    expect(await made.say('Still there?', inTime())).toMatchObject({ isOver: false });
    expect(made.breaches()).toEqual([]);
  });

  it('tells of tools and actions, and that the call is over', async () => {
    const made = await talk({
      onAsk: (session, { response_id }) => {
        session.send({ response_type: 'tool_call_invocation', tool_call_id: 't', name: 'cancel', arguments: '{}' });
        session.send({
          response_type: 'response',
          response_id,
          content: 'Goodbye.',
          content_complete: true,
          end_call: true,
        });
      },
    });
    expect(await made.pressDigit('9', inTime())).toMatchObject({
      answer: 'Goodbye.',
      actions: [{ kind: 'end' }],
      toolCalls: ['cancel'],
      isOver: true,
    });
    await expect(made.say('Wait!', inTime())).rejects.toMatchObject({ reason: 'simulator.call_over' });
  });

  it('reports the start before it dials, and the end once it has hung up', async () => {
    const told: string[] = [];
    const made = await talk(
      {
        onOpen: (session) => {
          told.push('socket');
          session.send({ response_type: 'config', config: { auto_reconnect: true, call_details: true } });
          session.answer(0, 'Hello.');
        },
        onRequest: (_, raw, response) => {
          const { event, call } = JSON.parse(raw);
          told.push(`${event} ${call.disconnection_reason ?? ''}`);
          response.writeHead(204).end();
        },
      },
      { webhookKey: 'k' },
    );
    expect(made.started).toMatchObject({ isAccepted: true });
    await made.hangUp(inTime());
    await made.hangUp(inTime());
    expect(told).toEqual(['call_started ', 'socket', 'call_ended user_hangup', 'call_analyzed user_hangup']);
    expect(made.overReason()).toBe('user_hangup');
  });

  it('passes on what the agent should know of the caller', async () => {
    let details: unknown;
    const made = await talk(
      {
        onFrame: (_, frame) => {
          if (frame.interaction_type === 'call_details') details = frame.call;
        },
      },
      { details: { from_number: '+15550123', retell_llm_dynamic_variables: { first_name: 'Ida' } } },
    );
    await made.say('Hello.', inTime());
    expect(details).toMatchObject({
      call_id: made.callId,
      from_number: '+15550123',
      retell_llm_dynamic_variables: { first_name: 'Ida' },
    });
  });

  it('says so when the call cannot begin', async () => {
    await expect(talk({ refuseUpgrade: () => 503 })).rejects.toMatchObject({ reason: 'simulator.call_over' });
    await expect(converse({ baseUrl: 'http://127.0.0.1:1' }, inTime())).rejects.toMatchObject({
      reason: 'simulator.server_unreachable',
    });
  });
});
