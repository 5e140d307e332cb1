import frontDesk from './agents/front-desk.ts';
import { defineConfig } from './src/index.ts';

/** What `npm start` runs in this repository. The environment wins over what is written here. */
export default defineConfig({
  agents: [frontDesk],
});
