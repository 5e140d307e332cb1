import { type DestinationStream, pino } from 'pino';
import type { Log } from '../../std/log.ts';

/**
 * JSON lines for production. The key `pii` (what a person said or is) is removed whatever the log level, at the top of
 * the fields and one level below. So are `err` and `error`: a failure is logged by its reason, since a message of a
 * vendor's could carry words into the log.
 *
 * @param level    `debug`, `info`, `warn`, `error` or `silent`
 * @param destination where lines go; standard error unless given, since standard output is for what was asked
 */
export function createLog(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: false }),
): Log {
  return pino(
    {
      level,
      base: null,
      redact: { paths: ['pii', '*.pii', 'err', 'error'], remove: true },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  );
}
