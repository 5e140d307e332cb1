import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { isLoopbackHost, loadClientConfig, loadConfig as loadFrom } from './config.ts';
import type { Environment } from './environment.ts';

let cwd = '';

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'offhook-config-'));
  writeAgent('example.ts', 'example');
});

afterEach(() => {
  rmSync(cwd, { recursive: true });
});

const agentModule = pathToFileURL(join(import.meta.dirname, '../agent/agent.ts')).href;

function loadConfig(env: Environment, folder: string) {
  return loadFrom(env, folder, join(folder, 'example.ts'));
}

function writeAgent(file: string, name: string) {
  writeFileSync(
    join(cwd, file),
    `import { defineAgent } from ${JSON.stringify(agentModule)};\nexport default defineAgent({ name: '${name}', greeting: '', instructions: 'x' });\n`,
  );
}

/** A configuration file with agents of its own. */
function writeConfig(
  settings: string,
  agents = "[defineAgent({ name: 'dentist', greeting: 'Hi.', instructions: 'Be brief.' })]",
) {
  writeFileSync(
    join(cwd, 'offhook.config.ts'),
    `import { defineAgent } from ${JSON.stringify(agentModule)};\n\nexport default {\n  agents: ${agents},\n${settings}\n};\n`,
  );
}

async function faultOf(env: Environment): Promise<Fault> {
  const thrown = await loadConfig(env, cwd).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof Fault)) throw new Error(`expected a Fault, got ${String(thrown)}`);
  return thrown;
}

describe('loadConfig', () => {
  it('needs nothing but an example', async () => {
    const config = await loadConfig({}, cwd);
    expect(config).toMatchObject({ variant: 'single', host: '127.0.0.1', port: 8080, adminPort: 8081, maxCalls: 10 });
    expect(config).toMatchObject({ dataDir: join(cwd, '.offhook'), drainMs: 10_000, strictAgents: false });
    expect(config.openai).toMatchObject({ apiKey: undefined, baseUrl: 'https://api.openai.com/v1' });
    expect(config.defaultAgent).toBe('example');
    expect(config.socketSecrets).toEqual([]);
  });

  it('reads every variable of the environment', async () => {
    writeConfig('');
    const config = await loadConfig(
      {
        PORT: '0',
        HOST: '0.0.0.0',
        OFFHOOK_DATA_DIR: './kept',
        OFFHOOK_VARIANT: 'single',
        OFFHOOK_MAX_CALLS: '60',
        OFFHOOK_ADMIN_PORT: '0',
        OFFHOOK_API_KEY: 'api-key',
        OFFHOOK_API_KEYS: 'viewer:key-of-sixteen-1, operator+privacy:key:of-sixteen-2,privacy:key-of-sixteen-3',
        OFFHOOK_SOCKET_SECRET: 'new-secret, old-secret',
        RETELL_WEBHOOK_KEY: 'key_new,key_old',
        RETELL_API_KEY: 'key_api',
        RETELL_BASE_URL: 'http://127.0.0.1:9',
        OPENAI_API_KEY: 'sk-1',
        OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
        OPENAI_MODEL: 'small',
        OFFHOOK_STRICT_AGENTS: 'yes',
        OFFHOOK_DRAIN_MS: '250',
        OFFHOOK_LOG: 'debug',
      },
      cwd,
    );
    expect(config).toMatchObject({ port: 0, adminPort: 0, host: '0.0.0.0', isLoopback: false, maxCalls: 60 });
    expect(config).toMatchObject({ dataDir: join(cwd, 'kept'), drainMs: 250, logLevel: 'debug', strictAgents: true });
    expect(config.socketSecrets.map((one) => one.reveal())).toEqual(['new-secret', 'old-secret']);
    expect(config.webhookKeys.map((one) => one.reveal())).toEqual(['key_new', 'key_old']);
    expect(config.apiKeys.map(({ key, ...rest }) => ({ ...rest, key: key.reveal() }))).toEqual([
      { role: 'admin', hasPrivacy: true, key: 'api-key' },
      { role: 'viewer', hasPrivacy: false, key: 'key-of-sixteen-1' },
      { role: 'operator', hasPrivacy: true, key: 'key:of-sixteen-2' },
      { role: 'viewer', hasPrivacy: true, key: 'key-of-sixteen-3' },
    ]);
    expect(config.retell.apiKey?.reveal()).toBe('key_api');
    expect(config.openai).toMatchObject({ baseUrl: 'http://127.0.0.1:9/v1', model: 'small' });
    expect(JSON.stringify(config)).not.toMatch(/api-key|of-sixteen|secret"|key_|sk-1/);
  });

  it('prefers the environment to the file, and counts an empty variable as not set', async () => {
    writeConfig("  port: 9100,\n  maxCalls: 20,\n  socketSecret: 'from-file',");
    const config = await loadConfig({ PORT: '9200', OFFHOOK_MAX_CALLS: '' }, cwd);
    expect(config).toMatchObject({ port: 9200, maxCalls: 20, defaultAgent: 'dentist' });
    expect(config.socketSecrets.map((one) => one.reveal())).toEqual(['from-file']);
  });

  it('says file, line and what was meant for a typo in the file', async () => {
    writeConfig('  // maxCals is wrong\n  maxCals: 20,');
    const fault = await faultOf({});
    expect(fault.reason).toBe('config.invalid');
    expect(fault.message).toBe('offhook.config.ts:6 maxCals is not a setting; did you mean maxCalls?');
  });

  it.each([
    ['OFFHOOK_MAX_CALS', 'OFFHOOK_MAX_CALLS'],
    ['OFFHOOK_PORT', 'PORT'],
  ])('says what was meant by %s', async (name, meant) => {
    const fault = await faultOf({ [name]: '1' });
    expect(fault.message).toBe(`${name} in the environment is not a setting; did you mean ${meant}?`);
  });

  it('reports everything that is wrong at once', async () => {
    writeConfig('  maxCals: 20,\n  port: "http",');
    const fault = await faultOf({ OFFHOOK_DRAIN_MS: 'soon', OFFHOOK_VARIANT: 'cluster', HOST: '0.0.0.0' });
    expect(fault.reason).toBe('config.invalid');
    expect(fault.message.split('\n')).toEqual([
      '5 things are wrong',
      'offhook.config.ts:6 port: expected a port from 0 to 65535, got "http"',
      'offhook.config.ts:5 maxCals is not a setting; did you mean maxCalls?',
      'OFFHOOK_DRAIN_MS in the environment: expected milliseconds from 0 to 7200000, got "soon"',
      'variant.unknown expected a variant (single, distributed), got cluster',
      'retell.no_webhook_key expected RETELL_WEBHOOK_KEY, since 0.0.0.0 is not loopback',
    ]);
  });

  it('never shows a secret that is wrong', async () => {
    const fault = await faultOf({ OFFHOOK_SOCKET_SECRET: 'has/slash' });
    expect(fault.message).toContain('OFFHOOK_SOCKET_SECRET in the environment: expected one or two secrets');
    expect(fault.message).not.toContain('has/slash');
  });

  it.each([
    ['PORT', '70000'],
    ['PORT', '80.5'],
    ['OFFHOOK_MAX_CALLS', '0'],
    ['OFFHOOK_ADMIN_PORT', '8080'],
    ['OPENAI_BASE_URL', 'ftp://models'],
    ['OFFHOOK_STRICT_AGENTS', 'maybe'],
    ['OFFHOOK_LOG', 'loud'],
    ['RETELL_WEBHOOK_KEY', 'a,b,c'],
    ['OFFHOOK_API_KEYS', 'key-of-sixteen-1'],
    ['OFFHOOK_API_KEYS', 'viewer:short'],
    ['OFFHOOK_API_KEYS', 'owner:key-of-sixteen-1'],
    ['OFFHOOK_API_KEYS', 'viewer:key-of-sixteen-1,admin:key-of-sixteen-1'],
  ])('refuses %s=%s', async (name, value) => {
    expect(await faultOf({ [name]: value })).toMatchObject({ kind: 'invalid', reason: 'config.invalid' });
  });

  it('names the variants there are when asked for another', async () => {
    expect(await faultOf({ OFFHOOK_VARIANT: 'triplicate' })).toMatchObject({
      reason: 'variant.unknown',
      message: 'expected a variant (single, distributed), got triplicate',
    });
  });

  it('refuses two agents with one name, and one Retell agent answered by two', async () => {
    writeConfig(
      '',
      `['a', 'a', 'b'].map((name) => defineAgent({ name, greeting: '', instructions: 'x', retellAgentIds: name === 'a' ? [] : ['agent_1', 'agent_1'] }))`,
    );
    expect(await faultOf({})).toMatchObject({ reason: 'agent.duplicate_name' });
    writeConfig(
      '',
      `['a', 'b'].map((name) => defineAgent({ name, greeting: '', instructions: 'x', retellAgentIds: ['agent_1'] }))`,
    );
    // Modules are imported once per path: the second version needs another name.
    writeFileSync(join(cwd, 'second.ts'), readFileSync(join(cwd, 'offhook.config.ts')));
    expect(await faultOf({ OFFHOOK_CONFIG: 'second.ts' })).toMatchObject({ reason: 'agent.duplicate_retell_id' });
  });

  it('refuses what is no agent, and a default agent that is not there', async () => {
    writeConfig(
      "  defaultAgent: 'dentis',",
      "[defineAgent({ name: 'dentist', greeting: '', instructions: 'x' }), { name: 'b' }]",
    );
    const { message } = await faultOf({});
    expect(message).toContain('offhook.config.ts:4 agents: expected what defineAgent() returns at position 2');
    expect(message).toContain('defaultAgent: expected the name of one of the agents; did you mean dentist?');
  });

  it('takes agents from paths, in JSON', async () => {
    writeAgent('dentist.ts', 'dentist');
    writeFileSync(join(cwd, 'offhook.config.json'), '{ "agents": ["./dentist.ts"], "maxCalls": 3 }');
    expect(await loadConfig({}, cwd)).toMatchObject({ defaultAgent: 'dentist', maxCalls: 3 });
  });

  it('says which file cannot be read, and why', async () => {
    writeFileSync(join(cwd, 'offhook.config.json'), '{ "port": }');
    expect(await faultOf({})).toMatchObject({ reason: 'config.unreadable' });
    expect(await faultOf({ OFFHOOK_CONFIG: 'gone.ts' })).toMatchObject({ reason: 'config.not_found' });
    writeFileSync(join(cwd, 'throws.mjs'), "throw new TypeError('no such thing')");
    const fault = await faultOf({ OFFHOOK_CONFIG: 'throws.mjs' });
    expect(fault).toMatchObject({ reason: 'config.unreadable' });
    expect(fault.message).toContain('TypeError: no such thing');
  });
});

describe('the webhook key', () => {
  it('refuses to start without one where others can reach the server', async () => {
    writeConfig('');
    expect(await faultOf({ HOST: '0.0.0.0' })).toMatchObject({ kind: 'invalid', reason: 'retell.no_webhook_key' });
  });

  it('is made once on loopback, kept readable for its owner alone, and used again', async () => {
    writeConfig('');
    const [first, atOnce] = await Promise.all([loadConfig({}, cwd), loadConfig({}, cwd)]);
    const again = await loadConfig({}, cwd);
    const path = join(cwd, '.offhook', 'webhook-key');
    expect(first?.webhookKeys[0]?.reveal()).toMatch(/^[0-9a-f]{64}$/);
    expect(atOnce?.webhookKeys[0]?.reveal()).toBe(first?.webhookKeys[0]?.reveal());
    expect(again.webhookKeys[0]?.reveal()).toBe(first?.webhookKeys[0]?.reveal());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(cwd, '.offhook')).mode & 0o777).toBe(0o700);
  });

  it('is not made when one is configured', async () => {
    writeConfig('');
    await loadConfig({ RETELL_WEBHOOK_KEY: 'key_1' }, cwd);
    expect(existsSync(join(cwd, '.offhook'))).toBe(false);
  });

  it('is refused when something damaged it', async () => {
    writeConfig('');
    await loadConfig({}, cwd);
    writeFileSync(join(cwd, '.offhook', 'webhook-key'), 'half');
    expect(await faultOf({})).toMatchObject({ reason: 'config.webhook_key_damaged' });
  });

  it('says which folder cannot be written to', async () => {
    writeConfig('');
    writeFileSync(join(cwd, 'taken'), '');
    expect(await faultOf({ OFFHOOK_DATA_DIR: 'taken' })).toMatchObject({ reason: 'config.data_dir_unusable' });
  });

  it('is found by clients and never made by them', async () => {
    expect((await loadClientConfig({}, cwd)).webhookKeys).toEqual([]);
    expect(existsSync(join(cwd, '.offhook'))).toBe(false);
    writeConfig('');
    const { webhookKeys } = await loadConfig({}, cwd);
    expect((await loadClientConfig({}, cwd)).webhookKeys[0]?.reveal()).toBe(webhookKeys[0]?.reveal());
  });
});

describe('isLoopbackHost', () => {
  it('knows the addresses only this machine can reach', () => {
    expect(['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]'].map(isLoopbackHost)).not.toContain(false);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', ''].map(isLoopbackHost)).not.toContain(true);
  });
});
