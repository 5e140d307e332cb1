/** Where a server keeps what it keeps, in its working directory unless told otherwise. */
export const DEFAULT_DATA_DIR = '.offhook';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process: the only place that reads it. */
export function environment(): Environment {
  return process.env;
}
