/** The people of a chaos run, and the auth and key services that vouch for them: in this process, and never at fault. */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Identity, makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';

/** A user with devices, each of which is a client of the run. */
export interface Resident {
  user: string;
  identity: Identity;
  devices: readonly Device[];
}

export interface Device {
  /** Its place among all devices, which names it in letters and receipts. */
  index: number;
  id: string;
  session: string;
}

export interface Residents {
  all: readonly Resident[];
  /** By index. */
  devices: readonly { resident: Resident; device: Device }[];
  /** The auth and the key service. */
  url: string;
  /** An access token of a device, which lives for a quarter of an hour. */
  tokenFor(index: number): string;
  close(): Promise<void>;
}

const KEY_ID = 'k1';
const TOKEN_SECONDS = 900;

/** `users` people, of whom the first few have a second device, until there are so many devices. */
export async function openResidents(users: number, devices: number): Promise<Residents> {
  const all = makeResidents(users, devices);
  const keys = generateKeyPairSync('ed25519');
  const server = createServer((request, response) => {
    const answer = answerTo(request, all, keys.publicKey);
    request.resume();
    if (answer === undefined) response.writeHead(204).end();
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const byIndex = all
    .flatMap((resident) => resident.devices.map((device) => ({ resident, device })))
    .toSorted((one, other) => one.device.index - other.device.index);
  return {
    all,
    devices: byIndex,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokenFor(index) {
      const owner = byIndex[index];
      if (owner === undefined) throw new RangeError('no such device');
      return token(keys.privateKey, owner.resident.user, owner.device);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function makeResidents(users: number, devices: number): Resident[] {
  const device = (index: number): Device => ({ index, id: randomUUID(), session: randomUUID() });
  return Array.from({ length: users }, (_, place) => ({
    user: randomUUID(),
    identity: makeIdentity(nodeProvider),
    devices: users + place < devices ? [device(place), device(users + place)] : [device(place)],
  }));
}

/** What a message service asks of the other two; undefined where there is nothing to say. */
function answerTo(
  { url = '' }: IncomingMessage,
  residents: readonly Resident[],
  publicKey: KeyObject,
): object | undefined {
  const [, subject = '', id = ''] =
    /^\/(?:internal|\.well-known)\/([a-z.-]+)\/?([^?]*)/.exec(url) ?? [];
  const resident = residents.find(({ user }) => user === id);
  switch (subject) {
    case 'jwks.json': {
      const { x = '' } = publicKey.export({ format: 'jwk' });
      return { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: KEY_ID, alg: 'EdDSA', use: 'sig' }] };
    }
    case 'revocations':
      return { now: new Date().toISOString(), revocations: [] };
    case 'accounts':
      return resident ? { account: { user: id, username: `u${id.slice(0, 8)}` } } : {};
    case 'device-lists':
      return resident
        ? { list: { user: id, version: 1, devices: resident.devices.map((device) => device.id) } }
        : {};
    case 'identities': {
      const key = resident?.identity.publicKey;
      return key ? { identityKey: Buffer.from(key).toString('base64url') } : {};
    }
    default:
      return undefined;
  }
}

function token(privateKey: KeyObject, user: string, { id, session }: Device): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: KEY_ID };
  const who = { iss: 'sotto', aud: 'sotto', sub: user, did: id, sid: session };
  const text = [header, { ...who, iat: now, exp: now + TOKEN_SECONDS }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}
