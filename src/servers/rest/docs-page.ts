import { createHash } from 'node:crypto';
import { isRecord } from '../../std/json.ts';
import type { OpenApiDocument, OpenApiOperation } from './open-api-document.ts';
import { fieldsOf } from './schema-fields.ts';

const STYLE = `
:root { color-scheme: light dark; --faint: color-mix(in srgb, CanvasText 60%, Canvas); --line: color-mix(in srgb, CanvasText 18%, Canvas) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3 { line-height: 1.25 } h2 { margin-top: 2.5rem } h4 { margin: 1rem 0 .25rem }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
nav ul { list-style: none; padding: 0 } nav a { text-decoration: none } nav a:hover, nav a:focus { text-decoration: underline }
section { border-top: 1px solid var(--line); padding-top: .5rem; margin-top: 1.5rem }
.method { font-weight: 600; display: inline-block; min-width: 3.5rem }
.faint { color: var(--faint) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 600 } th, td { padding: .2rem .75rem .2rem 0; vertical-align: top; border-bottom: 1px solid var(--line) }
`;

/** Nothing but our own style may act here: no script, no frame, no form, nothing from elsewhere. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The description as a page that stands alone, with the content security policy it wants. */
export function docsPage(document: OpenApiDocument): { readonly html: string; readonly policy: string } {
  const { info, paths } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const groups = [...new Set(operations.flatMap(({ operation }) => operation.tags))];
  const inGroup = (group: string) => operations.filter(({ operation }) => operation.tags.includes(group));
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(info.title)} API</title><style>${STYLE}</style></head><body>`,
    `<h1>${escaped(info.title)} API <span class="faint">${escaped(info.version)}</span></h1>`,
    `<p>${prose(info.description)}</p>`,
    '<p class="faint">For programs: <a href="openapi.json"><code>/api/openapi.json</code></a></p>',
    '<nav aria-label="Routes"><ul>',
    ...operations.map(({ path, method, operation }) => {
      const target = `<a href="#${escaped(operation.operationId)}">`;
      return `<li>${target}${heading(method, path)}</a> <span class="faint">${escaped(operation.summary)}</span></li>`;
    }),
    '</ul></nav><main>',
    ...groups.flatMap((group) => [`<h2>${escaped(group)}</h2>`, ...inGroup(group).map(section)]),
    '</main></body></html>',
  ];
  return { html: html.join('\n'), policy: POLICY };
}

interface Shown {
  readonly path: string;
  readonly method: string;
  readonly operation: OpenApiOperation;
}

function section({ path, method, operation }: Shown): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  return [
    `<section id="${escaped(operationId)}"><h3>${heading(method, path)}</h3>`,
    `<p><strong>${escaped(summary)}.</strong> ${prose(description)}</p>`,
    ...(Array.isArray(parameters) && parameters.length > 0 ? ['<h4>Parameters</h4>', parameterTable(parameters)] : []),
    ...(isRecord(requestBody) ? ['<h4>Body</h4>', fieldTable(schemaIn(requestBody))] : []),
    '<h4>Answers</h4>',
    table(
      ['status', 'means'],
      Object.entries(responses).map(([status, one]) => [code(status), prose(one.description)]),
    ),
    ...answerOf(responses),
    '</section>',
  ].join('\n');
}

function parameterTable(parameters: readonly unknown[]): string {
  const rows = parameters.filter(isRecord).map(({ name, in: place, required, schema, description }) => {
    const [own] = fieldsOf(schema);
    const need = required === true ? '' : ', optional';
    return [code(String(name)), escaped(`${String(place)}, ${own?.type ?? 'any'}${need}`), prose(description ?? '')];
  });
  return table(['name', 'in', 'means'], rows);
}

/** The fields of what a success answers with. */
function answerOf(responses: OpenApiOperation['responses']): readonly string[] {
  const [status, answer] = Object.entries(responses).find(([one]) => one.startsWith('2')) ?? [];
  const schema = isRecord(answer) ? schemaIn(answer) : undefined;
  return fieldsOf(schema).length > 1 ? [`<h4>Of ${escaped(status ?? '')}</h4>`, fieldTable(schema)] : [];
}

function fieldTable(schema: unknown): string {
  const rows = fieldsOf(schema)
    .filter(({ path }) => path !== '')
    .map(({ path, type, isOptional, description }) => {
      return [code(path), escaped(isOptional ? `${type}, optional` : type), prose(description)];
    });
  return table(['field', 'type', 'means'], rows);
}

function schemaIn({ content }: Readonly<Record<string, unknown>>): unknown {
  const [media] = isRecord(content) ? Object.values(content) : [];
  return isRecord(media) ? media.schema : undefined;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (name: string, row: readonly string[]) => row.map((cell) => `<${name}>${cell}</${name}>`).join('');
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<div class="wide"><table><thead><tr>${cells('th', heads)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function heading(method: string, path: string): string {
  return `<span class="method">${escaped(method)}</span> ${code(path)}`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** Text with `code` in it. */
function prose(text: unknown): string {
  return escaped(String(text)).replace(/`([^`]+)`/g, '<code>$1</code>');
}

const ENTITIES = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => ENTITIES.get(one) ?? one);
}
