/**
 * What we need of a logger; pino fits as it is. The message is static, values are fields. What a person said or is
 * goes under the key `pii`, at the top of the fields or one level below: it is always dropped, for every operator.
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
