import { fileURLToPath } from 'node:url';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** The agent that answers where none is configured: agents/front-desk, beside src, or beside dist/src once built. */
export const EXAMPLE_AGENT = fileURLToPath(new URL(`../../agents/front-desk.${extension}`, import.meta.url));
