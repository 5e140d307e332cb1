import { z } from 'zod';
import { PROBLEM_TYPE } from '../problem.ts';
import type { Json, OpenApiDocument, OpenApiOperation } from './open-api-document.ts';
import type { RestRoute } from './route.ts';
import { problem } from './shapes.ts';

const PROBLEM = { $ref: '#/components/schemas/Problem' };
const PROBLEM_MEDIA = PROBLEM_TYPE.replace(/;.*/, '');
const ABOUT =
  'Calls, and how the house is doing. Send a key as `Authorization: Bearer <key>`; on the admin port, which only this ' +
  'machine reaches, none is needed but to dial. A key has a role: a viewer looks, an operator acts on calls and jobs, ' +
  'an admin may do everything; words are opened by `privacy` alone. Every failure is problem+json (RFC 9457); its ' +
  '`code` is listed in docs/faults.md with what to do about it.';

/** What any keyed route may answer. */
const COMMON: Readonly<Record<number, readonly string[]>> = { 401: ['api.key_refused'], 403: ['api.role_refused'] };

/** Of the interface, not of the package: it grows when a client could notice. */
const VERSION = '1.0.0';

/** Describes the routes. */
export function openApi(routes: readonly RestRoute[]): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'offhook', version: VERSION, description: ABOUT },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(problem) },
    },
  };
}

function operationOf(route: RestRoute): OpenApiOperation {
  const { name, group, summary, more, role, isAlwaysKeyed, answers, answer, mediaType = 'application/json' } = route;
  const { body } = route.asks.shape;
  const content = { [mediaType]: { schema: schemaOf(answer) } };
  const wants = `Wants the role ${role}${isAlwaysKeyed ? ', on the admin port, too' : ''}.`;
  return {
    operationId: name,
    tags: [group],
    summary,
    description: more === undefined ? wants : `${more} ${wants}`,
    parameters: [...parametersOf(route, 'path'), ...parametersOf(route, 'query'), ...parametersOf(route, 'headers')],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, description]) => [status, { description, content }])),
      ...Object.fromEntries(
        Object.entries(refusalsOf(route)).map(([status, reasons]) => {
          return [status, { description: reasons.join(', '), content: { [PROBLEM_MEDIA]: { schema: PROBLEM } } }];
        }),
      ),
      default: { description: 'Any other failure.', content: { [PROBLEM_MEDIA]: { schema: PROBLEM } } },
    },
  };
}

function refusalsOf({ asks, refusals = {} }: RestRoute): Readonly<Record<number, readonly string[]>> {
  const { query, headers, body } = asks.shape;
  const judged = [
    ...(body ? ['api.bad_body', 'api.not_json'] : []),
    ...(headers ? ['api.bad_header'] : []),
    ...(query ? ['api.bad_query'] : []),
  ];
  const all: Record<number, readonly string[]> = { ...COMMON, ...(judged.length > 0 && { 400: judged }) };
  for (const [status, reasons] of Object.entries(refusals)) {
    all[Number(status)] = [...(all[Number(status)] ?? []), ...reasons];
  }
  return all;
}

function parametersOf({ asks }: RestRoute, place: 'path' | 'query' | 'headers'): readonly Json[] {
  const group: unknown = asks.shape[place];
  if (!(group instanceof z.ZodObject)) return [];
  return Object.entries(group.shape).map(([name, one]) => {
    const { description, ...schema } = schemaOf(one);
    const isRequired = place === 'path' || !one.safeParse(undefined).success;
    return {
      name,
      in: place === 'headers' ? 'header' : place,
      required: isRequired,
      ...(description !== undefined && { description }),
      schema,
    };
  });
}

/** As what is sent: fields with a default may be left out, and answers may grow. */
function schemaOf(schema: z.core.$ZodType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    override({ jsonSchema }) {
      delete jsonSchema.readOnly; // of TypeScript, not of the wire
    },
  });
  return rest;
}
