import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { docsPage } from './docs-page.ts';
import { openApi } from './open-api.ts';
import { NOTHING, restRoute } from './route.ts';
import { fieldsOf } from './schema-fields.ts';
import { REST_ROUTES } from './table.ts';

const { html, policy } = docsPage(openApi(REST_ROUTES));

describe('the page', () => {
  it('shows every route with a link that leads to it', () => {
    for (const { method, path, name, summary } of REST_ROUTES) {
      expect(html).toContain(`<span class="method">${method}</span> <code>${path}</code>`);
      expect(html).toContain(`href="#${name}"`);
      expect(html).toContain(`<section id="${name}">`);
      expect(html).toContain(summary);
    }
  });

  it('stands alone: no script, nothing from elsewhere, and a policy that holds it to that', () => {
    expect(html).not.toMatch(/<script|<img|<link|<iframe|<form|javascript:|https?:|@import|url\(|\son\w+=|\sstyle=/i);
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? [];
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
  });

  it('shows what it is given as text', () => {
    const odd = restRoute({
      method: 'GET',
      path: '/odd',
      name: 'odd',
      group: 'State',
      summary: '<script>alert("x")</script> & more',
      role: 'viewer',
      asks: NOTHING,
      answers: { 200: '<b>' },
      answer: z.string(),
      handle: async () => ({ status: 200, body: '' }),
    });
    const shown = docsPage(openApi([odd])).html;
    expect(shown).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; more');
    expect(shown).not.toContain('<script>');
    expect(shown).not.toContain('<b>');
  });
});

describe('fieldsOf', () => {
  it('names each field by where it stands, with its type', () => {
    const schema = z.toJSONSchema(
      z.object({
        calls: z.array(
          z.discriminatedUnion('state', [
            z.object({ state: z.literal('live'), phase: z.enum(['a', 'b']) }),
            z.object({ state: z.literal('ended'), at: z.number().optional().describe('When.') }),
          ]),
        ),
        names: z.array(z.string()),
      }),
    );
    expect(fieldsOf(schema).map(({ path, type, isOptional }) => [path, type, isOptional])).toEqual([
      ['', 'object', false],
      ['calls', 'list of one of these', false],
      ['calls[] when state is live: state', '"live"', false],
      ['calls[] when state is live: phase', '"a" | "b"', false],
      ['calls[] when state is ended: state', '"ended"', false],
      ['calls[] when state is ended: at', 'number', true],
      ['names', 'list of string', false],
    ]);
  });
});
