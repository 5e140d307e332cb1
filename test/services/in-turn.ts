/** One port over several openings of it: every call goes to the next one of them. */
export function inTurn<Port extends object>(ports: readonly Port[]): Port {
  let turn = 0;
  const [first] = ports;
  if (!first) throw new Error('expected at least one port');
  return new Proxy(first, { get: (_, name) => Reflect.get(ports[turn++ % ports.length] ?? first, name) });
}
