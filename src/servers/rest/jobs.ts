import { z } from 'zod';
import { getDeadJob, listDeadJobs, requeueJob } from '../../operations/dead-jobs.ts';
import { type RestRoute, restRoute } from './route.ts';
import { deadJob, deadJobList, requeuedJob, word } from './shapes.ts';

const jobId = z.object({ path: z.object({ id: word.describe('The id of a dead job.') }) });
const UNKNOWN = { 404: ['jobs.unknown'] };

const list = restRoute({
  method: 'GET',
  path: '/api/v1/jobs/dead',
  name: 'listDeadJobs',
  group: 'Jobs',
  summary: 'List the jobs that were set aside, newest first',
  more: 'Follow-up work whose tries are spent, or of which its Fault says that trying again is of no use.',
  role: 'viewer',
  asks: z.object({
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1_000).default(50),
      before: word.optional().describe('The nextBefore of the page before.'),
    }),
  }),
  answers: { 200: 'A page of them.' },
  answer: deadJobList,
  async handle({ query: { limit, before } }, { context }, signal) {
    return { status: 200, body: await listDeadJobs(context, { limit, before }, signal) };
  },
});

const get = restRoute({
  method: 'GET',
  path: '/api/v1/jobs/dead/{id}',
  name: 'getDeadJob',
  group: 'Jobs',
  summary: 'Look at a dead job',
  role: 'viewer',
  asks: jobId,
  answers: { 200: 'The job and why it was set aside.' },
  answer: deadJob,
  refusals: UNKNOWN,
  async handle({ path: { id } }, { context }, signal) {
    return { status: 200, body: await getDeadJob(context, id, signal) };
  },
});

const requeue = restRoute({
  method: 'POST',
  path: '/api/v1/jobs/dead/{id}/requeue',
  name: 'requeueJob',
  group: 'Jobs',
  summary: 'Give a dead job all its tries anew',
  role: 'operator',
  asks: jobId,
  answers: { 202: 'It is due now.' },
  answer: requeuedJob,
  refusals: UNKNOWN,
  async handle({ path: { id } }, { context }, signal) {
    await requeueJob(context, id, signal);
    return { status: 202, body: { id, state: 'queued' as const } };
  },
});

/** The routes about follow-up work. */
export const JOB_ROUTES: readonly RestRoute[] = [list, get, requeue];
