/** Sessions that are bound to a device key open a WebSocket with a proof of it, for who can set headers. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { request } from 'node:http';
import { SOCKET_PATH } from '@sotto/api';
import { thumbprint } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { openSocket } from './socket-client.ts';

let platform: Platform;
let node: Node;
beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});
afterAll(() => platform.close());

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const x = publicKey.export({ format: 'jwk' }).x ?? '';

async function boundToken(): Promise<string> {
  const person = await platform.peers.addPerson();
  return platform.peers.tokenFor(person, 60_000, thumbprint(Buffer.from(x, 'base64url')));
}

interface Proving {
  token: string;
  nonce: string;
  key?: KeyObject;
  path?: string;
}

function proofFor({ token, nonce, key = privateKey, path = SOCKET_PATH }: Proving): string {
  const header = { typ: 'dpop+jwt', alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x } };
  const claims = {
    ...{ jti: randomUUID(), htm: 'GET', htu: `${node.url}${path}`, nonce },
    iat: Math.floor(Date.now() / 1000),
    ath: createHash('sha256').update(token).digest('base64url'),
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

/** What is answered in place of the upgrade. */
function refusalOf(headers: Record<string, string>) {
  return new Promise<{ code: string; nonce: string | undefined }>((resolve, reject) => {
    const asking = request(`${node.url}${SOCKET_PATH}`, {
      headers: {
        ...headers,
        ...{ connection: 'Upgrade', upgrade: 'websocket' },
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      },
    });
    asking.on('response', async (response) => {
      const { code } = JSON.parse((await response.toArray()).join(''));
      resolve({ code, nonce: response.headers['dpop-nonce']?.toString() });
    });
    asking.on('upgrade', () => reject(new Error('it was upgraded')));
    asking.on('error', reject);
    asking.end();
  });
}

test('a bound session opens a socket by a proof with the nonce that it was told, once', async () => {
  const token = await boundToken();
  const authorization = `DPoP ${token}`;
  const first = await refusalOf({ authorization, dpop: proofFor({ token, nonce: 'none' }) });
  expect(first.code).toBe('auth.proof-nonce');
  const dpop = proofFor({ token, nonce: first.nonce ?? '' });
  const client = openSocket(node, { authorization, dpop });
  await client.next('hello');
  expect((await refusalOf({ authorization, dpop })).code).toBe('auth.proof-invalid');
  await client.close();
});

test('without a proof, or with one by another key or for another path, it opens none', async () => {
  const token = await boundToken();
  const { nonce = '' } = await refusalOf({
    ...{ authorization: `DPoP ${token}`, dpop: proofFor({ token, nonce: 'none' }) },
  });
  for (const scheme of ['Bearer', 'DPoP']) {
    const authorization = `${scheme} ${token}`;
    expect((await refusalOf({ authorization })).code).toBe('auth.proof-missing');
    const stranger = generateKeyPairSync('ed25519').privateKey;
    for (const wrong of [{ key: stranger }, { path: '/api/v1/messages' }]) {
      const dpop = proofFor({ token, nonce, ...wrong });
      expect((await refusalOf({ authorization, dpop })).code).toBe('auth.proof-invalid');
    }
  }
});
