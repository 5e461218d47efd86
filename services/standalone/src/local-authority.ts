/**
 * A certificate authority of this platform's own, for private networks, where nobody else's gives certificates.
 *
 * Browsers give service workers, Web Locks and `crypto.subtle` only to pages that came by TLS. The authority is made
 * once and kept: people trust it by hand. The server's certificate is made anew when the machine's addresses have
 * changed, or it nears its end.
 */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Issuer } from './certificate.ts';
import { makeDirectory } from './directories.ts';
import { PRIVATE_DOMAINS, PRIVATE_NETWORKS } from './private-network.ts';

/** Where the files of a data directory's authority lie. */
export interface AuthorityFiles {
  /** The authority's certificate: what people trust. */
  authority: string;
  authorityKey: string;
  /** The server's, with its key. */
  certificate: string;
  key: string;
}

/** An authority that can give certificates. */
export interface Authority {
  /** In PEM: what people trust. */
  certificate: string;
  /** What they compare before: SHA-256, as browsers and phones show it. */
  fingerprint: string;
  /**
   * Makes the server's certificate when there is none for exactly these hosts that is good for long enough. Rejects when
   * the files cannot be read or written; those that were there are good still.
   */
  certify(hosts: readonly string[]): Promise<void>;
}

const DAY_MS = 24 * 3_600_000;

/** People trust it by hand, on every device: as seldom as can be. */
const AUTHORITY_MS = 20 * 365 * DAY_MS;

/** Apple refuses what is good for more than 825 days. Short, as nobody has to do anything for the next one. */
const CERTIFICATE_MS = 90 * DAY_MS;
const RENEW_MS = 30 * DAY_MS;

/** Clocks of phones are not always right. */
const BEFORE_MS = DAY_MS;

/** The authority of a data directory, made when there is none. Rejects when its files cannot be read or written. */
export async function openAuthority(
  dataDirectory: string,
  clock: () => number = Date.now,
): Promise<Authority> {
  const files = authorityFiles(dataDirectory);
  makeDirectory(dirname(dirname(files.authority)), 0o711);
  makeDirectory(dirname(files.authority), 0o700);
  const issuer = readIssuer(files) ?? (await makeIssuer(files, clock()));
  const { certificate } = issuer;
  return {
    certificate,
    fingerprint: new X509Certificate(certificate).fingerprint256,
    async certify(hosts) {
      const wanted = { hosts, issuer, now: clock() };
      if (!isGood(files, wanted)) await makeCertificate(files, wanted);
    },
  };
}

/** Where they lie, or will. */
export function authorityFiles(dataDirectory: string): AuthorityFiles {
  const file = (name: string): string => join(dataDirectory, 'tls', name);
  return {
    authority: file('authority.pem'),
    authorityKey: file('authority-key.pem'),
    certificate: file('certificate.pem'),
    key: file('key.pem'),
  };
}

function readIssuer(files: AuthorityFiles): Issuer | undefined {
  const key = readText(files.authorityKey);
  const certificate = readText(files.authority);
  // The key is written last: without it nobody has trusted the certificate yet.
  if (key === undefined || certificate === undefined) return undefined;
  return { certificate, privateKey: createPrivateKey(key) };
}

async function makeIssuer(files: AuthorityFiles, now: number): Promise<Issuer> {
  const { authorityCertificate } = await import('./certificate.ts');
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const title = keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(-4).toString('hex');
  const certificate = await authorityCertificate(keys, {
    // Two platforms in one network are to be told apart in a list of authorities.
    name: `Sotto private authority ${title}`,
    realm: { domains: PRIVATE_DOMAINS, networks: PRIVATE_NETWORKS },
    validity: { from: now - BEFORE_MS, until: now + AUTHORITY_MS },
  });
  write(files.authority, certificate);
  write(files.authorityKey, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { certificate, privateKey: keys.privateKey };
}

interface Wanted {
  hosts: readonly string[];
  issuer: Issuer;
  now: number;
}

function isGood(files: AuthorityFiles, { hosts, issuer, now }: Wanted): boolean {
  const key = readText(files.key);
  const pem = readText(files.certificate);
  if (key === undefined || pem === undefined) return false;
  const certificate = new X509Certificate(pem);
  return (
    certificate.verify(new X509Certificate(issuer.certificate).publicKey) &&
    certificate.checkPrivateKey(createPrivateKey(key)) &&
    Date.parse(certificate.validTo) - now > RENEW_MS &&
    hostsOf(certificate).join() === [...hosts].toSorted().join()
  );
}

function hostsOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  return names
    .map((name) => (name.includes(':') ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name))
    .toSorted();
}

/** With a key of its own: whoever reads the two while one is old and one is new reads them again. */
async function makeCertificate(
  files: AuthorityFiles,
  { hosts, issuer, now }: Wanted,
): Promise<void> {
  const { serverCertificate } = await import('./certificate.ts');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { from: now - BEFORE_MS, until: now + CERTIFICATE_MS };
  const certificate = await serverCertificate(issuer, { hosts, publicKey, validity });
  write(files.key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  write(files.certificate, certificate);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or absent, and for the owner alone. */
function write(path: string, content: string | Buffer): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, content, { mode: 0o600, flush: true });
  renameSync(draft, path);
}
