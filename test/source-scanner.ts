import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One import or re-export of a file. */
export interface Import {
  readonly specifier: string;
  readonly isReExport: boolean;
}

/** A source file taken apart by a small scanner: TypeScript 7 has no compiler API. */
export interface Source {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly lines: number;
  /** The text with comments and the insides of strings and regular expressions blanked, so that only code matches. */
  readonly code: string;
  /** The values of all plain string literals, by where their quote stands in `code`. */
  readonly strings: ReadonlyMap<number, string>;
  readonly imports: readonly Import[];
}

export const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Every TypeScript file below these folders of the repository. */
export function readSources(...folders: readonly string[]): readonly Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes('node_modules'))
      .map((path) => scanSource(relative(ROOT, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'))),
  );
}

export function scanSource(path: string, text: string): Source {
  const { code, strings } = blank(text);
  return { path, lines: text.split('\n').length - 1, code, strings, imports: findImports(code, strings) };
}

/** The path a relative import points at; undefined for packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? join(dirname(from), specifier).replaceAll('\\', '/') : undefined;
}

/** The literal strings right after each match of `opening`, which must end where the first argument begins. */
export function literalArguments({ code, strings }: Source, opening: RegExp): readonly (readonly string[])[] {
  return [...code.matchAll(opening)].map((match) => {
    const found: string[] = [];
    let at = match.index + match[0].length;
    for (;;) {
      at += /^\s*/.exec(code.slice(at))?.[0].length ?? 0;
      const value = strings.get(at);
      if (value === undefined) return found;
      found.push(value);
      const comma = /^(['"`]) *\1\s*,/.exec(code.slice(at));
      if (!comma) return found;
      at += comma[0].length;
    }
  });
}

function findImports(code: string, strings: ReadonlyMap<number, string>): readonly Import[] {
  // `import x from '`, `export { y } from '`, `import '`, `import('`; a quote always follows.
  const pattern = /\b(import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*\(?\s*(?=['"])/g;
  return [...code.matchAll(pattern)].flatMap((match) => {
    const specifier = strings.get(match.index + match[0].length);
    return specifier === undefined ? [] : [{ specifier, isReExport: match[1] === 'export' }];
  });
}

/** Blanks what is no code, keeping every position. Templates are blanked but for what stands in `${}`. */
function blank(text: string): Pick<Source, 'code' | 'strings'> {
  const strings = new Map<number, string>();
  let code = '';
  let at = 0;
  /** Open braces inside each template expression being read. */
  const templates: number[] = [];

  const hide = (end: number) => {
    code += text.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  };
  const show = () => {
    code += text[at] ?? '';
    at += 1;
  };

  while (at < text.length) {
    const char = text[at] ?? '';
    const pair = text.slice(at, at + 2);
    if (pair === '//') hide(indexOrEnd(text, '\n', at));
    else if (pair === '/*') hide(indexOrEnd(text, '*/', at) + 2);
    else if (char === "'" || char === '"') readString(char);
    else if (char === '`') readTemplate();
    else if (char === '/' && startsRegExp(code)) readRegExp();
    else if (char === '}' && templates.at(-1) === 0) readTemplate();
    else {
      if (char === '{' && templates.length > 0) templates.push((templates.pop() ?? 0) + 1);
      if (char === '}' && templates.length > 0) templates.push((templates.pop() ?? 0) - 1);
      show();
    }
  }
  return { code, strings };

  function readString(quote: string): void {
    const start = at;
    let end = at + 1;
    while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
    strings.set(start, text.slice(start + 1, end));
    show();
    hide(end);
    show();
  }

  /** From a backtick, or from the brace that ends an expression, to the next expression or the closing backtick. */
  function readTemplate(): void {
    const start = at;
    const isOpening = text[at] === '`';
    if (!isOpening) templates.pop();
    let end = at + 1;
    while (end < text.length && text[end] !== '`' && text.slice(end, end + 2) !== '${') {
      end += text[end] === '\\' ? 2 : 1;
    }
    if (isOpening && text[end] === '`') strings.set(start, text.slice(start + 1, end));
    show();
    hide(end);
    if (text[end] === '`') {
      show();
    } else {
      show();
      show();
      templates.push(0);
    }
  }

  function readRegExp(): void {
    let end = at + 1;
    let isClass = false;
    while (end < text.length && text[end] !== '\n' && (isClass || text[end] !== '/')) {
      if (text[end] === '\\') end += 1;
      else if (text[end] === '[') isClass = true;
      else if (text[end] === ']') isClass = false;
      end += 1;
    }
    show();
    hide(end);
    show();
  }
}

/** A slash begins a regular expression where a value may begin, and divides where one has just ended. */
function startsRegExp(code: string): boolean {
  const before = code.trimEnd();
  return before === '' || /[(,=:[!&|?{};+\-*%<>~^]$/.test(before) || /\b(?:return|typeof|case|of|in)$/.test(before);
}

function indexOrEnd(text: string, needle: string, from: number): number {
  const at = text.indexOf(needle, from);
  return at < 0 ? text.length : at;
}
