import { z } from 'zod';
import { listAgents, readConcurrency } from '../../operations/read-workspace.ts';
import { NOTHING, type RestRoute, restRoute } from './route.ts';

const remoteAgent = z.object({ id: z.string(), name: z.string() });
const OFTEN = 'Retell is asked at most every 300 s.';

const agents = restRoute({
  method: 'GET',
  path: '/api/v1/agents',
  name: 'listAgents',
  group: 'Retell',
  summary: 'List our agents, and the agents at Retell they answer for',
  more: OFTEN,
  role: 'viewer',
  asks: NOTHING,
  answers: { 200: 'All of them.' },
  answer: z.object({
    agents: z
      .array(
        z.object({
          name: z.string(),
          version: z.string(),
          isDefault: z.boolean().describe('It answers where no agent claims the call.'),
          retellAgents: z.array(remoteAgent.partial({ name: true })).readonly(),
        }),
      )
      .readonly(),
    unclaimed: z
      .array(remoteAgent)
      .readonly()
      .optional()
      .describe('Agents at Retell that none of ours claims; absent without RETELL_API_KEY.'),
  }),
  refusals: { 429: ['retell.rate_limited'], 503: ['retell.unavailable'] },
  async handle(_asked, { context }, signal) {
    return { status: 200, body: await listAgents(context, signal) };
  },
});

const concurrency = restRoute({
  method: 'GET',
  path: '/api/v1/concurrency',
  name: 'readConcurrency',
  group: 'Retell',
  summary: 'Read how many calls the workspace has at Retell',
  more: OFTEN,
  role: 'viewer',
  asks: NOTHING,
  answers: { 200: 'Whoever placed them.' },
  answer: z.object({ current: z.number(), limit: z.number() }),
  refusals: { 429: ['retell.rate_limited'], 503: ['retell.no_key', 'retell.unavailable'] },
  async handle(_asked, { context }, signal) {
    return { status: 200, body: await readConcurrency(context, signal) };
  },
});

/** The routes about the workspace at Retell. */
export const WORKSPACE_ROUTES: readonly RestRoute[] = [agents, concurrency];
