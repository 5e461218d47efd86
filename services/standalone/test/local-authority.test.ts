import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorityFiles, openAuthority } from '../src/local-authority.ts';

/** Node calls the purposes of a certificate its key usage (RFC 5280, 4.2.1.12). */
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const DAY_MS = 24 * 3_600_000;
const HOSTS = ['localhost', 'box.local', '127.0.0.1', '192.168.1.5', '::1', 'fd00::5'];

let directory: string;
let now: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'authority '));
  now = Date.now();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = () => openAuthority(directory, () => now);
const certify = async (hosts: readonly string[]) => (await open()).certify(hosts);
const certificate = () => new X509Certificate(readFileSync(authorityFiles(directory).certificate));

/** What a client that trusts this authority alone makes of the server's certificate when it calls it so. */
async function callAs(name: string): Promise<string> {
  const files = authorityFiles(directory);
  const server = createServer({
    cert: readFileSync(files.certificate),
    key: readFileSync(files.key),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: readFileSync(files.authority),
    checkServerIdentity: (_, peer) =>
      peer.subjectaltname?.includes(name) ? undefined : new Error('another name'),
  });
  try {
    return await new Promise<string>((resolve) => {
      socket.once('secureConnect', () => resolve('trusted'));
      socket.once('error', (error) => resolve(error.message));
    });
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('an authority of one’s own', () => {
  test('vouches for the names and addresses of a private network', async () => {
    await certify(HOSTS);
    for (const host of HOSTS) {
      const found =
        host.includes(':') || /^\d/.test(host)
          ? certificate().checkIP(host)
          : certificate().checkHost(host);
      expect(found).toBe(host);
    }
    expect(await callAs('box.local')).toBe('trusted');
  });

  test.each([['example.org'], ['local.example.org'], ['8.8.8.8'], ['172.32.0.1'], ['2001:db8::1']])(
    'is not believed for %s, whoever has its key',
    async (host) => {
      await certify([host]);
      const shown = host.includes(':') ? 'IP Address' : host;
      expect(await callAs(shown)).toBe('permitted subtree violation');
    },
  );

  test('speaks for servers alone', async () => {
    await certify(HOSTS);
    const authority = new X509Certificate(readFileSync(authorityFiles(directory).authority));
    expect(authority.keyUsage).toEqual([SERVER_AUTHENTICATION]);
  });

  test('is made once, and keeps its keys to the owner', async () => {
    const first = await open();
    await first.certify(HOSTS);
    const second = await open();
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(first.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const { authorityKey, key } = authorityFiles(directory);
    for (const file of [authorityKey, key]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'tls')).mode & 0o777).toBe(0o700);
  });

  test('leaves a certificate that is good, and renews one that is near its end or for other hosts', async () => {
    await certify(HOSTS);
    const { serialNumber } = certificate();
    await certify(HOSTS.toReversed());
    expect(certificate().serialNumber).toBe(serialNumber);
    now += 59 * DAY_MS;
    await certify(HOSTS);
    expect(certificate().serialNumber).toBe(serialNumber);
    now += 2 * DAY_MS;
    await certify(HOSTS);
    const renewed = certificate();
    expect(renewed.serialNumber).not.toBe(serialNumber);
    await certify([...HOSTS, '10.0.0.9']);
    expect(certificate().serialNumber).not.toBe(renewed.serialNumber);
    expect(certificate().checkIP('10.0.0.9')).toBe('10.0.0.9');
  });

  test('gives no certificate that Apple would refuse for its length', async () => {
    await certify(HOSTS);
    const { validFrom, validTo } = certificate();
    expect(Date.parse(validTo) - Date.parse(validFrom)).toBeLessThan(398 * DAY_MS);
  });
});
