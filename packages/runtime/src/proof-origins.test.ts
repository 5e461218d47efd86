import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './config.ts';
import type { LogFields } from './log.ts';
import { createLogger } from './log.ts';
import { type ProofOrigins, proofOrigins } from './proof-origins.ts';
import { serverSection } from './sections.ts';

/** As a platform with these variables has it, and what it logged at its start. */
function withVariables(environment: Record<string, string>, ownHosts?: () => readonly string[]) {
  const { server } = loadConfig(z.object({ server: serverSection(8080) }), { environment });
  const warnings: LogFields[] = [];
  const log = {
    ...createLogger({ service: 'test', level: 'silent' }),
    warn: (_event: string, fields: LogFields = {}) => void warnings.push(fields),
  };
  return { accepts: proofOrigins({ server, log, ownHosts }), warnings };
}

/** Whether a request that was called by an origin may be proven by its name. */
const may = (accepts: ProofOrigins, origin: string) => accepts(origin, origin);

describe('without configured origins', () => {
  test.each([
    ['http://localhost:8080', true],
    ['http://127.0.0.1:8080', true],
    ['http://[::1]:8080', true],
    // Through a tunnel of its owner's.
    ['http://localhost:9000', true],
    ['http://evil.example', false],
    ['http://localhost.evil.example:8080', false],
    ['http://127.0.0.1.evil.example:8080', false],
    ['http://192.168.1.2:8080', false],
  ])('a platform for this machine alone goes by its names: %s %s', (origin, expected) => {
    const { accepts, warnings } = withVariables({});
    expect(may(accepts, origin)).toBe(expected);
    expect(warnings).toEqual([]);
  });

  test('a proof for one name of this machine is none for another', () => {
    const { accepts } = withVariables({});
    expect(accepts('http://localhost:8080', 'http://127.0.0.1:8080')).toBe(false);
    expect(accepts('http://localhost:8080', 'http://localhost:8081')).toBe(false);
  });

  test('a platform for its own network goes by what the machine is called at the moment', () => {
    const hosts = ['localhost', 'attic.local', '192.168.1.2', 'fd00::2'];
    const { accepts, warnings } = withVariables({ SERVER_HOST: '0.0.0.0' }, () => hosts);
    expect(may(accepts, 'https://attic.local:8080')).toBe(true);
    expect(may(accepts, 'https://[fd00::2]:8080')).toBe(true);
    expect(may(accepts, 'https://evil.example')).toBe(false);
    expect(may(accepts, 'https://192.168.1.7:8080')).toBe(false);
    hosts.push('192.168.1.7');
    expect(may(accepts, 'https://192.168.1.7:8080')).toBe(true);
    expect(warnings).toEqual([]);
  });

  test.each([
    [{ SERVER_HOST: '0.0.0.0' }],
    [{ TRUSTED_PROXIES: '1' }],
    [{ SERVER_PUBLISHED_HOST: '0.0.0.0' }],
  ])('one whose names cannot be known (%j) goes by what was called, and says so once', (set) => {
    const { accepts, warnings } = withVariables(set);
    expect(may(accepts, 'https://chat.example.org')).toBe(true);
    expect(accepts('https://evil.example', 'https://chat.example.org')).toBe(false);
    expect(warnings).toEqual([{ name: 'PUBLIC_ORIGINS' }]);
  });
});

describe('with configured origins', () => {
  test('those count and no others, whatever was called and however they were spelled', () => {
    const set = { PUBLIC_ORIGINS: 'https://chat.example.org:443,http://localhost:80' };
    const { accepts, warnings } = withVariables({ ...set, SERVER_HOST: '0.0.0.0' });
    expect(may(accepts, 'https://chat.example.org')).toBe(true);
    expect(may(accepts, 'http://localhost')).toBe(true);
    expect(accepts('https://chat.example.org', 'http://10.0.0.7:8080')).toBe(true);
    expect(may(accepts, 'http://localhost:8080')).toBe(false);
    expect(may(accepts, 'http://127.0.0.1:8080')).toBe(false);
    expect(warnings).toEqual([]);
  });

  test('one that is none is a fault', () => {
    expect(() => withVariables({ PUBLIC_ORIGINS: 'http://::' })).toThrow(/PUBLIC_ORIGINS/);
  });
});
