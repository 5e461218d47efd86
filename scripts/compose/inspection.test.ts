import { expect, test } from 'vitest';
import {
  containerFaults,
  imageFaults,
  judgeStarts,
  materialFaults,
  startMs,
} from './inspection.ts';

const CLOSED = {
  Config: { User: '65532:65532' },
  HostConfig: {
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    CapAdd: null,
    SecurityOpt: ['no-new-privileges:true'],
    Memory: 805_306_368,
    PidsLimit: 256,
  },
};

test('a container that is closed is without fault', () => {
  expect(containerFaults(CLOSED)).toEqual([]);
});

test.each([
  ['ReadonlyRootfs', { ReadonlyRootfs: false }, 'ReadonlyRootfs is false'],
  ['CapDrop', { CapDrop: ['NET_RAW'] }, 'CapDrop is ["NET_RAW"]'],
  ['CapDrop', { CapDrop: null }, 'CapDrop is null'],
  ['CapAdd', { CapAdd: ['CHOWN'] }, 'CapAdd is ["CHOWN"]'],
  [
    'SecurityOpt',
    { SecurityOpt: ['no-new-privileges:false'] },
    'SecurityOpt is ["no-new-privileges:false"]',
  ],
  ['Memory', { Memory: 0 }, 'Memory is 0'],
  ['PidsLimit', { PidsLimit: null }, 'PidsLimit is null'],
])('%s of another kind is told: %o', (_, changed, says) => {
  const faults = containerFaults({ ...CLOSED, HostConfig: { ...CLOSED.HostConfig, ...changed } });
  expect(faults).toEqual([says]);
});

test('another user is told, and so is all that an engine does not tell', () => {
  expect(containerFaults({ ...CLOSED, Config: { User: '0' } })).toEqual(['User is "0"']);
  expect(containerFaults({})).toEqual([
    ...['ReadonlyRootfs is not told', 'CapDrop is not told', 'SecurityOpt is not told'],
    ...['User is not told', 'Memory is not told', 'PidsLimit is not told'],
  ]);
});

const label = (name: string) => `org.opencontainers.image.${name}`;
const Labels = Object.fromEntries(
  Object.entries({
    ...{ title: 'sotto-auth', description: 'x', version: '0.1.0' },
    ...{ licenses: 'MIT', source: 'unknown', revision: 'unknown' },
  }).map(([name, value]) => [label(name), value]),
);
const auth = { service: 'auth', version: '0.1.0' };

test('an image has its labels and its size, which for tools is not bounded', () => {
  expect(imageFaults({ Size: 164e6, Config: { Labels } }, auth)).toEqual([]);
  expect(imageFaults({ Size: 251e6, Config: { Labels } }, auth)).toEqual(['Size is 251000000']);
  const tools = { ...Labels, [label('title')]: 'sotto-tools' };
  expect(
    imageFaults({ Size: 400e6, Config: { Labels: tools } }, { ...auth, service: 'tools' }),
  ).toEqual([]);
});

test('labels that are missing, and those of another image, are told', () => {
  const others = { ...Labels, [label('title')]: 'sotto-key', [label('version')]: 'unknown' };
  expect(imageFaults({ Size: 1, Config: { Labels: others } }, auth)).toEqual([
    ...['title is "sotto-key"', 'version is "unknown"'],
  ]);
  expect(imageFaults({ Config: { Labels: null } }, auth)).toHaveLength(7);
});

test('a list of materials names what is there for sure', () => {
  const document = JSON.stringify({ components: [{ name: 'libc6' }, { name: 'node' }] });
  expect(materialFaults(document, ['libc6', 'node'])).toEqual([]);
  expect(materialFaults(document, ['npm'])).toEqual(['npm is not in its SBOM']);
  expect(materialFaults('', ['npm'])).toEqual(['its SBOM cannot be read']);
});

test('a start is from the engine’s word to the service’s, and of the last start alone', () => {
  const log = [
    '2026-11-22T04:00:01.500000000Z ready http://0.0.0.0:8080',
    '2026-11-22T04:10:00.400000000Z {"event":"request"}',
    '2026-11-22T04:10:00.612345678Z ready http://0.0.0.0:8080',
  ].join('\n');
  expect(startMs('2026-11-22T04:10:00.1Z', log)).toBe(512);
  expect(startMs('2026-11-22T04:20:00Z', log)).toBeUndefined();
  expect(startMs(undefined, log)).toBeUndefined();
});

test('of several starts the middle one is judged', () => {
  expect(judgeStarts([900, 300, 1_800])).toEqual({ ms: 900, faults: [] });
  expect(judgeStarts([1_100, 300, 1_800])).toEqual({ ms: 1_100, faults: ['starts too slowly'] });
  expect(judgeStarts([300, undefined, 300]).faults).toEqual(['did not say `ready`']);
  // What is no service has no start.
  expect(judgeStarts([])).toEqual({ ms: undefined, faults: [] });
});
