import { CALL_ROUTES } from './calls.ts';
import { DOCUMENTATION_ROUTES } from './documentation.ts';
import { JOB_ROUTES } from './jobs.ts';
import type { RestRoute } from './route.ts';
import { STATE_ROUTES } from './state.ts';
import { WORKSPACE_ROUTES } from './workspace.ts';

/** The whole service layer: what is served, who may ask for it and what is documented all read this. */
export const REST_ROUTES: readonly RestRoute[] = [
  ...CALL_ROUTES,
  ...WORKSPACE_ROUTES,
  ...JOB_ROUTES,
  ...STATE_ROUTES,
  ...DOCUMENTATION_ROUTES,
];
