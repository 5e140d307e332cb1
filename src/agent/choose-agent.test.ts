import { describe, expect, it } from 'vitest';
import { defineAgent } from './agent.ts';
import { chooseAgent, isUnlisted } from './choose-agent.ts';

const agentOf = (name: string, ...retellAgentIds: readonly string[]) =>
  defineAgent({ name, greeting: 'Hello.', instructions: 'Be kind.', retellAgentIds });
const day = agentOf('day-desk', 'agent_day');
const night = agentOf('night-desk', 'agent_night', 'agent_late');
const desk = agentOf('desk');

const house = { agents: [day, night], defaultAgent: day, isStrict: false };
const strict = { ...house, isStrict: true };

describe('the agent that answers', () => {
  it.each([
    ['agent_night', night],
    ['agent_late', night],
    ['agent_day', day],
  ])('is the one that lists %s, strict or not', (id, agent) => {
    expect(chooseAgent(house, id)).toBe(agent);
    expect(chooseAgent(strict, id)).toBe(agent);
  });

  it('is the default one when Retell names none, strict or not', () => {
    expect(chooseAgent(house, undefined)).toBe(day);
    expect(chooseAgent(strict, undefined)).toBe(day);
  });

  it('is the default one for an id nobody lists, and nobody when strict', () => {
    expect(chooseAgent(house, 'agent_unheard')).toBe(day);
    expect(chooseAgent(strict, 'agent_unheard')).toBeUndefined();
  });

  it('is the default one when no agent lists any id, strict or not', () => {
    expect(chooseAgent({ ...house, agents: [desk], defaultAgent: desk }, 'agent_day')).toBe(desk);
    expect(chooseAgent({ ...strict, agents: [desk], defaultAgent: desk }, 'agent_day')).toBe(desk);
  });
});

it('counts an id as unlisted only where ids are listed', () => {
  expect(isUnlisted([day, night], 'agent_unheard')).toBe(true);
  expect(isUnlisted([day, night], 'agent_late')).toBe(false);
  expect(isUnlisted([day, night], undefined)).toBe(false);
  expect(isUnlisted([desk], 'agent_unheard')).toBe(false);
});
