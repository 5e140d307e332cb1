/** A call as the fake keeps it: what was asked for, and what has become of it. */
export interface FakeCall {
  readonly call_id: string;
  readonly agent_id: string;
  /** registered, ongoing, ended, error, not_connected */
  readonly call_status: string;
  readonly from_number: string;
  readonly to_number: string;
  readonly metadata: unknown;
  readonly start_timestamp?: number;
  readonly end_timestamp?: number;
  readonly duration_ms?: number;
  readonly disconnection_reason?: string;
}

/** As lists show it. */
export interface ListedCall extends FakeCall {
  readonly call_type: 'phone_call';
}

interface Filter {
  readonly field: string;
  /** The field of the metadata, where that is the field. */
  readonly key: string | undefined;
  readonly op: string;
  readonly value: unknown;
}

/**
 * A page of a list, as Retell answers: `filter_criteria` all of which must fit, `limit` 50 unless given, newest first
 * unless `ascending`, the next page by `pagination_key`. Of the operators it knows `eq` and `in`.
 */
export function listPage(items: readonly object[], asked: Readonly<Record<string, unknown>>): object {
  const limit = Number(asked.limit ?? 50);
  const from = Number(asked.pagination_key ?? 0);
  const filters = filtersOf(asked.filter_criteria);
  const fitting = items.filter((item) => filters.every((filter) => fits(item, filter)));
  const inOrder = asked.sort_order === 'ascending' ? fitting : fitting.toReversed();
  const to = from + limit;
  const hasMore = to < inOrder.length;
  return { items: inOrder.slice(from, to), has_more: hasMore, ...(hasMore && { pagination_key: String(to) }) };
}

function filtersOf(criteria: unknown): readonly Filter[] {
  return entriesOf(criteria).flatMap(([field, given]) => {
    const several: readonly unknown[] = Array.isArray(given) ? given : [given];
    return several.map((one) => {
      const { op, value, key } = Object.fromEntries(entriesOf(one));
      return { field, op: String(op), value, key: typeof key === 'string' ? key : undefined };
    });
  });
}

function fits(item: object, { field, key, op, value }: Filter): boolean {
  const found = fieldOf(item, field);
  const actual = key === undefined ? found : fieldOf(found, key);
  return op === 'in' ? Array.isArray(value) && value.includes(actual) : actual === value;
}

function fieldOf(value: unknown, name: string): unknown {
  return entriesOf(value).find(([field]) => field === name)?.[1];
}

function entriesOf(value: unknown): readonly [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}
