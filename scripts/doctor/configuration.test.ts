/** Broken configurations, each told in words that name the variable and show no value. Starting with them: tests/operations. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@sotto/runtime';
import { afterAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { AuthConfig } from '../../services/auth/src/config.ts';
import { FileConfig } from '../../services/file/src/config.ts';
import { GatewayConfig } from '../../services/gateway/src/config.ts';
import { KeyConfig } from '../../services/key/src/config.ts';
import { MessageConfig } from '../../services/message/src/config.ts';
import { StandaloneConfig } from '../../services/standalone/src/config.ts';
import { type Configured, configurationFaults, VALID } from './configuration.fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'sotto-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SCHEMAS: Readonly<Record<Configured, z.ZodObject>> = {
  auth: AuthConfig,
  key: KeyConfig,
  message: MessageConfig,
  file: FileConfig,
  gateway: GatewayConfig,
  standalone: StandaloneConfig,
};

test.each(configurationFaults(directory))(
  '%o is refused, and told by the name of %s',
  (given, named, refusedBy) => {
    for (const name of refusedBy) {
      const message = faultOf(SCHEMAS[name], given);
      expect(message).toContain(named);
      expect(message).not.toMatch(/\n\s+at |hidden-password|short-secret|insecure-default/);
      for (const secret of Object.values(VALID)) {
        if (secret !== VALID.DATA_DIR) expect(message).not.toContain(secret);
      }
    }
  },
);

test.each(['JWT_ACCESS_SECRET', 'INTERNAL_SECRET', 'FIELD_KEYS', 'KEY_LOG_SECRET', 'DATA_DIR'])(
  'without %s the message asks for it',
  (name) => {
    expect(faultOf(StandaloneConfig, { [name]: '' })).toContain(name);
  },
);

function faultOf(schema: z.ZodObject, given: Record<string, string>): string {
  try {
    loadConfig(schema, { environment: { ...VALID, ...given } });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return expect.fail('the configuration was taken');
}
