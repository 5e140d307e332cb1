import { z } from 'zod';
import { readStatus } from '../../operations/read-status.ts';
import { NOTHING, type RestRoute, restRoute } from './route.ts';
import { status as shape } from './shapes.ts';

const status = restRoute({
  method: 'GET',
  path: '/api/v1/status',
  name: 'readStatus',
  group: 'State',
  summary: 'Read how full the house is, how callers are served, and how what we need is doing',
  role: 'viewer',
  asks: NOTHING,
  answers: { 200: 'As it stands now.' },
  answer: shape,
  async handle(_asked, { context, queue, figures, dependencies }, signal) {
    const occupancy = await readStatus(context, queue, figures, signal);
    return { status: 200, body: { ...occupancy, dependencies: dependencies() } };
  },
});

const metrics = restRoute({
  method: 'GET',
  path: '/metrics',
  name: 'readMetrics',
  group: 'State',
  summary: 'Read the metrics as Prometheus does',
  role: 'viewer',
  asks: NOTHING,
  answers: { 200: 'Text, as Prometheus reads it.' },
  answer: z.string(),
  mediaType: 'text/plain',
  async handle(_asked, house) {
    const { text, contentType } = await house.metrics.scrape();
    return { status: 200, body: text, headers: { 'content-type': contentType } };
  },
});

/** The routes about how the house is doing. */
export const STATE_ROUTES: readonly RestRoute[] = [status, metrics];
