/**
 * A client that was lured to another site proves its requests to that site's name. Passed on under that name, they must
 * be of no use here.
 */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { login } from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlatformProcess, startProcess } from '../platform-process.ts';
import { PASSWORD } from './doors.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

/** A proof for the log-in at an origin, but for the nonce, which is asked for last. */
function proofFor(origin: string): string {
  const { kty, crv, x } = publicKey.export({ format: 'jwk' });
  const header = { typ: 'dpop+jwt', alg: 'EdDSA', jwk: { kty, crv, x } };
  const iat = Math.floor(Date.now() / 1000);
  const claims = { jti: randomUUID(), htm: login.method, htu: origin + login.path, iat };
  const content = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${content}.${sign(null, Buffer.from(content), privateKey).toString('base64url')}`;
}

/** What the platform says to a log-in that names an origin, of whoever passes it on with that origin's host. */
function passOn(platform: PlatformProcess, origin: string): Promise<{ code: string }> {
  const { port, protocol } = new URL(platform.url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      ...{ host: '127.0.0.1', port, method: login.method, path: login.path, agent: false },
      rejectUnauthorized: false,
      headers: {
        host: new URL(origin).host,
        dpop: proofFor(origin),
        'content-type': 'application/json',
      },
    });
    request.on('error', reject);
    request.on('response', (answer) => {
      answer.toArray().then((chunks) => resolve(JSON.parse(chunks.join(''))), reject);
    });
    request.end(JSON.stringify({ username: 'Nobody', password: PASSWORD }));
  });
}

const GOOD = { code: 'auth.proof-nonce' };
const BAD = { code: 'auth.proof-invalid' };

describe.each([
  { name: 'this machine', options: [], scheme: 'http' },
  { name: 'its own network', options: ['--lan'], scheme: 'https' },
])('a platform for $name', ({ options, scheme }) => {
  let directory: string;
  let platform: PlatformProcess;
  let port: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sotto-origin-'));
    const environment = { SERVER_PORT: '0', DATA_DIR: join(directory, 'data') };
    platform = await startProcess('services/standalone/src/main.ts', environment, options);
    ({ port } = new URL(platform.url));
  });
  afterAll(async () => {
    await platform?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(['localhost', '127.0.0.1', '[::1]'])('goes by the name %s', async (host) => {
    expect(await passOn(platform, `${scheme}://${host}:${port}`)).toMatchObject(GOOD);
  });

  test.each(['evil.example', 'localhost.evil.example', '203.0.113.7'])(
    'does not go by the name %s, whoever says so',
    async (host) => {
      const answer = await passOn(platform, `${scheme}://${host}`);
      expect(answer).toMatchObject({ ...BAD, detail: expect.stringContaining('PUBLIC_ORIGINS') });
      expect(JSON.stringify(answer)).not.toContain(host);
    },
  );
});
