// The house that is measured: a plain agent, no tools, the model of the environment, every setting but the number of
// calls at its default. Plain JavaScript, since a start from the built files compiles nothing.
import { defineAgent, defineConfig } from 'offhook';

export default defineConfig({
  agents: [
    defineAgent({
      name: 'bench',
      greeting: 'Good day, how can I help you?',
      instructions: 'You answer the phone of a restaurant. Be brief.',
      speculate: process.env.BENCH_SPECULATE === '1',
      cacheable: process.env.BENCH_CACHEABLE === '1' ? [{ says: /./s, step: 'any' }] : [],
      hearsDigits: process.env.BENCH_HEARS_DIGITS === '1',
    }),
  ],
});
