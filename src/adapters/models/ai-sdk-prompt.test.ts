import { describe, expect, it } from 'vitest';
import { printPrompt } from './ai-sdk-prompt.ts';

describe('printPrompt', () => {
  it('prints a conversation with a tool in parts, the result under its tool name', () => {
    expect(
      printPrompt([
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'A table.' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'book', arguments: '{"guests":2}' }] },
        { role: 'tool', toolCallId: 'call_1', content: 'booked' },
        { role: 'assistant', content: 'Done.' },
      ]),
    ).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: [{ type: 'text', text: 'A table.' }] },
      {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId: 'call_1', toolName: 'book', input: { guests: 2 } }],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'call_1', toolName: 'book', output: { type: 'text', value: 'booked' } },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'Done.' }] },
    ]);
  });

  it('keeps words beside a call, and a part in an answer without words', () => {
    const toolCalls = [{ id: 'call_1', name: 'book', arguments: '{}' }];
    expect(printPrompt([{ role: 'assistant', content: 'One moment.', toolCalls }])[0]?.content).toHaveLength(2);
    expect(printPrompt([{ role: 'assistant', content: '' }])[0]?.content).toHaveLength(1);
  });

  it('keeps a call whose arguments were no JSON, and a result whose call is gone', () => {
    const toolCalls = [{ id: 'call_1', name: 'book', arguments: '{"gue' }];
    expect(printPrompt([{ role: 'assistant', content: '', toolCalls }])).toMatchObject([{ content: [{ input: {} }] }]);
    expect(printPrompt([{ role: 'tool', toolCallId: 'call_9', content: 'x' }])).toMatchObject([
      { content: [{ toolName: 'unknown' }] },
    ]);
  });
});
