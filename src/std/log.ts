/**
 * What we need of a logger; pino fits as it is. The message is static, values are fields. What a person said
 * or is goes under a key that starts with `pii`, which is dropped unless the operator opts in.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};
