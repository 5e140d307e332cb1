import { environment } from '../variants/environment.ts';
import { useCompiled } from './compile-cache.ts';

// The entry: bin/offhook.js imports this file. Everything testable is in program.ts and the commands. What is imported
// here is compiled before the cache can help, so it is as little as can be.
const env = environment();
useCompiled(env, process.cwd());
const { runProcess } = await import('./process.ts');
await runProcess(env);
