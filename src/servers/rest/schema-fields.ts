/** A line about one field of a JSON value. */
export interface SchemaField {
  /** Where it stands: `calls[].startedAt`, or `calls[] when state is live`. Empty for the value itself. */
  readonly path: string;
  readonly type: string;
  readonly isOptional: boolean;
  readonly description: string;
}

/** What of JSON Schema our own schemas use. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly items?: unknown;
  readonly additionalProperties?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly unknown[];
  readonly oneOf?: readonly unknown[];
}

/** A JSON schema as lines that a person reads from top to bottom. */
export function fieldsOf(schema: unknown, path = '', isOptional = false): readonly SchemaField[] {
  if (!isSchema(schema)) return [];
  const { description = '', properties = {}, items } = schema;
  const variants = schema.oneOf ?? schema.anyOf;
  const own = { path, type: typeOf(schema), isOptional, description };
  if (variants) {
    return [own, ...variants.flatMap((variant) => fieldsOf(variant, `${path}${conditionOf(variant)}`).slice(1))];
  }
  return [
    own,
    ...(isSchema(items) && items.type !== 'string' ? fieldsOf(items, `${path}[]`).slice(1) : []),
    ...Object.entries(properties).flatMap(([name, inner]) =>
      fieldsOf(inner, joined(path, name), !(schema.required ?? []).includes(name)),
    ),
  ];
}

function typeOf({ type, enum: values, const: only, items, oneOf, anyOf }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (oneOf ?? anyOf) return 'one of these';
  if (type === 'array') return `list of ${isSchema(items) ? typeOf(items) : 'values'}`;
  return type ?? 'any';
}

/** ` when state is live`: what tells the variants of a union apart is the constant each has. */
function conditionOf(variant: unknown): string {
  if (!isSchema(variant)) return '';
  const [name, mark] = Object.entries(variant.properties ?? {}).find(([, one]) => isMark(one)) ?? [];
  if (!isSchema(mark)) return '';
  const values = mark.enum ?? [mark.const];
  return ` when ${name} is ${values.map(String).join(' or ')}: `;
}

function isMark(schema: unknown): boolean {
  return isSchema(schema) && (schema.const !== undefined || schema.enum !== undefined);
}

function joined(path: string, name: string): string {
  return path === '' || path.endsWith(': ') ? `${path}${name}` : `${path}.${name}`;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
