import type { Environment } from '../variants/environment.ts';
import type { Terminal } from './terminal.ts';

/** What a command finds around it. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
}
