/**
 * Certificates (RFC 5280) of the platform's own authority: its own, and the one that it gives the server.
 *
 * Whoever has the authority's key could pose as any site to those who trust it. So it says of itself that it speaks for
 * private networks only, and clients refuse whatever else it signs (name constraints, RFC 5280, 4.2.1.10).
 */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { bits, integer, objectId, octets, sequence, set, TRUE, tagged, text, time } from './der.ts';
import { groupsOf } from './private-network.ts';

export interface Validity {
  from: number;
  until: number;
}

/** One that signs. */
export interface Issuer {
  name: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

/** What an authority may sign for. */
export interface Realm {
  /** A domain stands for its subdomains too. */
  domains: readonly string[];
  /** `10.0.0.0/8`, `fd00::/8` */
  networks: readonly string[];
}

/** The authority's own certificate, in PEM. Keys are on the curve P-256. */
export function authorityCertificate(issuer: Issuer, realm: Realm, validity: Validity): string {
  const extensions = [
    // It is an authority, for servers alone.
    extension('2.5.29.19', sequence(TRUE, integer(Buffer.from([0]))), 'critical'),
    // keyCertSign, cRLSign
    extension('2.5.29.15', bits(Buffer.from([0x06]), 1), 'critical'),
    extension('2.5.29.14', octets(keyId(issuer.publicKey))),
    extension('2.5.29.30', sequence(tagged(0, 'value', ...subtrees(realm))), 'critical'),
  ];
  return certificate({
    issuer,
    name: issuer.name,
    publicKey: issuer.publicKey,
    validity,
    extensions,
  });
}

/** A server's certificate, in PEM. `hosts` are names and addresses, the first of which becomes its title. */
export function serverCertificate(
  issuer: Issuer,
  {
    hosts,
    publicKey,
    validity,
  }: { hosts: readonly string[]; publicKey: KeyObject; validity: Validity },
): string {
  const extensions = [
    extension('2.5.29.19', sequence(), 'critical'),
    // digitalSignature
    extension('2.5.29.15', bits(Buffer.from([0x80]), 7), 'critical'),
    // serverAuth
    extension('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', sequence(...hosts.map(generalName))),
    extension('2.5.29.14', octets(keyId(publicKey))),
    extension('2.5.29.35', sequence(tagged(0, 'content', keyId(issuer.publicKey)))),
  ];
  return certificate({ issuer, name: hosts[0] ?? '', publicKey, validity, extensions });
}

interface Contents {
  issuer: Issuer;
  name: string;
  publicKey: KeyObject;
  validity: Validity;
  extensions: readonly Buffer[];
}

function certificate({ issuer, name, publicKey, validity, extensions }: Contents): string {
  const toBeSigned = sequence(
    tagged(0, 'value', integer(Buffer.from([2]))),
    integer(randomBytes(SERIAL_BYTES)),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer.name),
    sequence(time(validity.from), time(validity.until)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, 'value', sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, issuer.privateKey);
  const base64 = sequence(toBeSigned, ECDSA_WITH_SHA256, bits(signature)).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const SERIAL_BYTES = 16;
const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));

function distinguishedName(name: string): Buffer {
  return sequence(set(sequence(objectId('2.5.4.3'), text(name))));
}

function extension(id: string, value: Uint8Array, critical?: 'critical'): Buffer {
  return sequence(objectId(id), ...(critical === undefined ? [] : [TRUE]), octets(value));
}

/** RFC 7093, 2: any digest of the key will do, as long as all use the same. */
function keyId(publicKey: KeyObject): Buffer {
  const digest = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }));
  return digest.digest().subarray(0, 20);
}

const DNS_NAME = 2;
const IP_ADDRESS = 7;

function generalName(host: string): Buffer {
  return isIP(host) === 0
    ? tagged(DNS_NAME, 'content', Buffer.from(host))
    : tagged(IP_ADDRESS, 'content', addressBytes(host));
}

function subtrees({ domains, networks }: Realm): Buffer[] {
  const names = domains.map((domain) => tagged(DNS_NAME, 'content', Buffer.from(domain)));
  const ranges = networks.map((network) => {
    const [address = '', prefix = ''] = network.split('/');
    const bytes = addressBytes(address);
    return tagged(IP_ADDRESS, 'content', bytes, mask(bytes.length, Number(prefix)));
  });
  return [...names, ...ranges].map((name) => sequence(name));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  return Buffer.from(groupsOf(address).flatMap((group) => [group >> 8, group & 255]));
}

function mask(length: number, prefix: number): Buffer {
  return Buffer.from(
    Array.from({ length }, (_, at) => {
      const ones = Math.min(8, Math.max(0, prefix - at * 8));
      return 256 - 2 ** (8 - ones);
    }),
  );
}
