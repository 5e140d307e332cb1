import { type DestinationStream, pino } from 'pino';
import type { Log } from '../../std/log.ts';

/**
 * JSON lines for production. Fields under `pii` (what a person said or is) are removed at every level; errors are
 * logged by their reason, never as objects, so no message of a vendor's can carry words into the log.
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
