/**
 * What the style guide asks and no linter knows: `npm run check` runs it over the tree.
 *
 * It reads text, not syntax trees: the formatter has made the text regular, and a rule that needs more than a line
 * or two of explanation belongs in review.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importFaults } from './tidy-imports.ts';
import type { Fault, SourceFile } from './tidy-source.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** Names that say nothing of what is inside. */
const BANNED_NAME = /^(utils?|helpers?|common|shared|misc|lib|managers?|base|dto|models?)$/;

/** Where a human reads the output, and where tests say what they expect of types. */
const isScript = (path: string): boolean => /^(scripts|tests)\/|\/bench\//.test(path);
const isTest = (path: string): boolean =>
  /\.(test|contract|fixture)\.tsx?$|\/testing[a-z-]*\.ts$|\/test\/|^tests\//.test(path);
const isMain = (path: string): boolean => /(^|\/)main\.tsx?$/.test(path);
const isConfig = (path: string): boolean => /(^|\/)[a-z]+\.config\.ts$/.test(path);

interface LineRule {
  pattern: RegExp;
  says: string;
  /** Where the rule holds; everywhere when left out. */
  where?: (path: string) => boolean;
}

/** Held against lines whose comments and string contents are blanked out. */
const LINE_RULES: readonly LineRule[] = [
  {
    pattern: /\bprocess\.env\b/,
    says: 'process.env outside main.ts',
    where: (path) => !(isMain(path) || isScript(path) || isTest(path) || isConfig(path)),
  },
  { pattern: /\bconsole\./, says: 'console outside scripts', where: (path) => !isScript(path) },
  { pattern: /(:|<|\bas|\|) ?any\b(?! as)/, says: 'any' },
  { pattern: /\bas unknown as\b/, says: 'as unknown as' },
  { pattern: /\bexport \*/, says: 'export *: name what goes out' },
  { pattern: /^\s*(export )?(const )?enum\s+\w/, says: 'enum' },
  {
    pattern: /^import \{ z \} from/,
    says: 'zod as a named import: bundlers then keep all of it, 64 kB of gzip more',
    where: (path) => /^packages\/(api|client)\/src\//.test(path),
  },
  { pattern: /\bexport default\b/, says: 'default export', where: (path) => !isConfig(path) },
  { pattern: /\.(only|skip)\(/, says: 'a test is skipped', where: isTest },
  {
    pattern: /\bMath\.random\b/,
    says: 'Math.random in cryptography',
    where: (path) => path.startsWith('packages/crypto/src/'),
  },
  {
    pattern: /\bBuffer\.compare\b|\.equals\(/,
    says: 'a comparison that takes time by content',
    where: (path) => path.startsWith('packages/crypto/src/') && !isTest(path),
  },
];

/** Held against whole lines: these stand in comments. */
const COMMENT_RULES: readonly LineRule[] = [
  { pattern: /@ts-(ignore|nocheck)/, says: 'a type error is silenced' },
  { pattern: /\bFIX(ME)\b|\bXX(X)\b/, says: 'something left to do' },
];

/** All faults of a tree, in the order of its files. */
export function tidy(files: readonly SourceFile[]): Fault[] {
  const sources = files.filter(({ path }) => /\.tsx?$/.test(path));
  return [
    ...files.flatMap(({ path }) => nameFaults(path)),
    ...sources.flatMap((file) => [
      ...lineFaults(file),
      ...sizeFaults(file),
      ...docstringFaults(file),
    ]),
    ...importFaults(sources),
    ...vectorFaults(files),
  ];
}

function nameFaults(path: string): Fault[] {
  const parts = path.split('/').map((part) => part.replace(/\..*$/, ''));
  return parts
    .filter((part) => BANNED_NAME.test(part))
    .map((part) => `${path}: the name ${part} says nothing`);
}

function lineFaults({ path, text }: SourceFile): Fault[] {
  const code = blank(text).split('\n');
  const suppressed = text.split('\n').map((line) => /biome-ignore/.test(line));
  return text.split('\n').flatMap((line, index) => {
    if (suppressed[index - 1]) return [];
    const broken = [
      ...LINE_RULES.filter((rule) => rule.pattern.test(code[index] ?? '')),
      ...COMMENT_RULES.filter((rule) => rule.pattern.test(line)),
    ];
    return broken
      .filter((rule) => rule.where?.(path) ?? true)
      .map((rule) => `${path}:${index + 1}: ${rule.says}`);
  });
}

/** The text with comments and the insides of strings replaced by spaces; lines stay where they are. */
export function blank(text: string): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(token, (found) => found.replace(/[^\n]/g, ' '));
}

/** The formatter ends a block with a brace at the indentation of the line that began it. */
function sizeFaults({ path, text }: SourceFile): Fault[] {
  const lines = text.trimEnd().split('\n');
  const faults =
    lines.length > FILE_LINES_MAX
      ? [`${path}: ${lines.length} lines, ${FILE_LINES_MAX} are the limit`]
      : [];
  if (isTest(path)) return faults;
  const starts = lines.flatMap((line, index) =>
    /\bfunction\b.*[({]$|=> \{$|\) \{$|\): .* \{$/.test(line) ? [index] : [],
  );
  for (const start of starts) {
    const indent = /^\s*/.exec(lines[start] ?? '')?.[0] ?? '';
    const length =
      lines
        .slice(start)
        .findIndex(
          (line) => /^\}[);,]*$/.test(line.slice(indent.length)) && line.startsWith(indent),
        ) + 1;
    if (length > FUNCTION_LINES_MAX)
      faults.push(
        `${path}:${start + 1}: ${length} lines in one function, ${FUNCTION_LINES_MAX} are the limit`,
      );
  }
  return faults;
}

/** Operations have their sentence in summaries.ts. Types are told by their fields, so only values are asked for words. */
const SPEAKS_FOR_ITSELF = /= endpoint\(|Endpoints = \[/;

function docstringFaults({ path, text }: SourceFile): Fault[] {
  if (!/^packages\/\w+\/src\//.test(path) || isTest(path)) return [];
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const name = /^export (?:abstract |async )*(?:function\*?|const|class) (\w+)/.exec(line)?.[1];
    if (name === undefined || SPEAKS_FOR_ITSELF.test(line)) return [];
    const before = lines[index - 1] ?? '';
    // Several limits or overloads in a row share the words above them.
    return /\*\/$|^\s*\/\/ biome-ignore|^export /.test(before.trim())
      ? []
      : [`${path}:${index + 1}: ${name} has no docstring`];
  });
}

/** Where each vector came from is part of it. */
function vectorFaults(files: readonly SourceFile[]): Fault[] {
  const vectors = files.filter(({ path }) => /^packages\/crypto\/vectors\/.+\.json$/.test(path));
  const sources =
    files.find(({ path }) => path === 'packages/crypto/vectors/SOURCES.md')?.text ?? '';
  return vectors
    .filter(
      ({ path }) =>
        !sources.includes(basename(path)) && !sources.includes(`${basename(dirname(path))}/`),
    )
    .map(({ path }) => `${path}: not listed in SOURCES.md`);
}

/** The tree as git knows it: files that are committed or would be. */
export function readTree(root: string): SourceFile[] {
  const list = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8' },
  );
  const paths = list.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
  return paths.map((path) => ({
    path,
    text: /\.(tsx?|md)$/.test(path) ? readFileSync(join(root, path), 'utf8') : '',
  }));
}

if (import.meta.main) {
  const faults = tidy(readTree(fileURLToPath(new URL('..', import.meta.url))));
  for (const fault of faults) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
