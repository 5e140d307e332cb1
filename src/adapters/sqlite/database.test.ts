import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DatabaseOptions, openDatabase, transactOn } from './database.ts';

const FIRST = 'CREATE TABLE things (name TEXT) STRICT';
const SECOND = "ALTER TABLE things ADD COLUMN size INTEGER; INSERT INTO things VALUES ('one', 1)";

describe('opening a database', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'offhook-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const path = () => join(dir, 'made', 'here', 'some.db');
  const open = (...migrations: readonly string[]) => {
    const options: DatabaseOptions = { synchronous: 'NORMAL', isCheckpointedElsewhere: true, migrations };
    return openDatabase(path(), options);
  };
  const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

  it('brings an older database forward one migration at a time, once', () => {
    const old = open(FIRST);
    old.exec("INSERT INTO things VALUES ('kept')");
    old.close();
    for (let i = 0; i < 2; i++) {
      const database = open(FIRST, SECOND);
      expect(database.prepare('SELECT name, size FROM things ORDER BY name').all()).toEqual([
        { name: 'kept', size: null },
        { name: 'one', size: 1 },
      ]);
      database.close();
    }
  });

  it('leaves the version before where a migration fails half way', () => {
    open(FIRST).close();
    expect(() => open(FIRST, 'CREATE TABLE more (x TEXT) STRICT; CREATE TABLE nonsense')).toThrow(
      expect.objectContaining({ reason: 'store.failed' }),
    );
    const database = open(FIRST, SECOND);
    expect(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'more'").get()).toBeUndefined();
    database.close();
  });

  it('refuses a database that a newer version wrote', () => {
    open(FIRST, SECOND).close();
    expect(() => open(FIRST)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'store.too_new', detail: { expected: 1, found: 2 } }),
    );
  });

  it('shows files and the folders it made to their owner only', () => {
    const database = open(FIRST);
    for (const suffix of ['', '-wal', '-shm']) expect(mode(`${path()}${suffix}`)).toBe('600');
    expect(mode(join(dir, 'made'))).toBe('700');
    expect(mode(join(dir, 'made', 'here'))).toBe('700');
    database.close();
  });

  it('leaves the mode of a folder that was there, and narrows that of a file', () => {
    mkdirSync(join(dir, 'made', 'here'), { recursive: true });
    chmodSync(join(dir, 'made', 'here'), 0o755);
    writeFileSync(path(), '', { mode: 0o644 });
    open(FIRST).close();
    expect(mode(join(dir, 'made', 'here'))).toBe('755');
    expect(mode(path())).toBe('600');
  });

  it('says so when the file is no database', () => {
    mkdirSync(join(dir, 'made', 'here'), { recursive: true });
    writeFileSync(path(), 'this is not a database, it is a sentence '.repeat(200));
    expect(() => open(FIRST)).toThrow(expect.objectContaining({ kind: 'bug', reason: 'store.corrupt' }));
  });

  it('says so when the folder cannot be made', () => {
    writeFileSync(join(dir, 'made'), 'a file where a folder should be');
    expect(() => open(FIRST)).toThrow(expect.objectContaining({ reason: 'store.folder_unusable' }));
    expect(existsSync(path())).toBe(false);
  });

  it('undoes a transaction that throws, and names a full disk', () => {
    const database = open(FIRST);
    const pages = Number(database.prepare('PRAGMA page_count').get()?.page_count);
    database.exec(`PRAGMA max_page_count = ${pages + 1}`);
    const fill = () =>
      transactOn(database)(() => {
        database.exec("INSERT INTO things VALUES ('small')");
        database.prepare('INSERT INTO things VALUES (?)').run('x'.repeat(100_000));
      });
    expect(fill).toThrow(expect.objectContaining({ kind: 'unavailable', reason: 'store.disk_full' }));
    expect(database.isTransaction).toBe(false);
    expect(database.prepare('SELECT count(*) AS n FROM things').get()).toEqual({ n: 0 });
    database.close();
  });

  it('says so when it was closed', () => {
    const database = open(FIRST);
    const transact = transactOn(database);
    database.close();
    expect(() => transact(() => 1)).toThrow(expect.objectContaining({ reason: 'store.closed' }));
  });
});
