import { z } from 'zod';
import { NOTHING, type RestRoute, restRoute } from './route.ts';

const openApi = restRoute({
  method: 'GET',
  path: '/api/openapi.json',
  name: 'readOpenApi',
  group: 'Documentation',
  summary: 'This description, for programs',
  role: 'viewer',
  asks: NOTHING,
  answers: { 200: 'OpenAPI 3.1.' },
  answer: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
  async handle(_asked, { document }) {
    return { status: 200, body: { ...(await document()) } };
  },
});

const page = restRoute({
  method: 'GET',
  path: '/api/docs',
  name: 'readDocs',
  group: 'Documentation',
  summary: 'This description, for people',
  role: 'viewer',
  asks: NOTHING,
  answers: { 200: 'One page without scripts.' },
  answer: z.string(),
  mediaType: 'text/html',
  async handle(_asked, { document }) {
    const { docsPage } = await import('./docs-page.ts');
    const { html, policy } = docsPage(await document());
    return {
      status: 200,
      body: html,
      headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
    };
  },
});

/** The routes that describe the others. */
export const DOCUMENTATION_ROUTES: readonly RestRoute[] = [openApi, page];
