// Preloaded into a server: notes what it loads, a specifier a line, in the file that TEST_LOADS_FILE names.
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const file = process.env.TEST_LOADS_FILE;
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    if (file) appendFileSync(file, `${resolved.url}\n`);
    return resolved;
  },
});
