/**
 * Certificates (RFC 5280) of the platform's own authority: its own, and the one that it gives the server.
 *
 * Whoever has the authority's key could pose as any site to those who trust it. So it says of itself that it speaks for
 * private networks only, and clients refuse whatever else it signs (name constraints, RFC 5280, 4.2.1.10).
 *
 * To be imported when a certificate is to be made, and not before: few platforms make one, and the library comes with
 * an addition to the global `Reflect`.
 */
// First of all: the library looks for it as it is loaded.
import 'reflect-metadata';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type JsonGeneralName,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface Validity {
  from: number;
  until: number;
}

/** Both halves of a key on the curve P-256. */
export interface KeyPair {
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

/** What an authority says of itself. */
export interface AuthorityContents {
  name: string;
  realm: Realm;
  validity: Validity;
}

/** One that signs. */
export interface Issuer {
  /** In PEM. */
  certificate: string;
  privateKey: KeyObject;
}

/** What is said of a server. */
export interface ServerContents {
  /** Names and addresses, the first of which becomes the title. */
  hosts: readonly string[];
  publicKey: KeyObject;
  validity: Validity;
}

/** The certificate that an authority gives itself, in PEM. */
export async function authorityCertificate(
  { privateKey, publicKey }: KeyPair,
  { name, realm, validity }: AuthorityContents,
): Promise<string> {
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const made = await X509CertificateGenerator.create({
    publicKey: key,
    signingKey: await signing(privateKey),
    subject: titled(name),
    issuer: titled(name),
    ...between(validity),
    extensions: [
      new BasicConstraintsExtension(true, 0, CRITICAL),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, CRITICAL),
      // For servers alone: clients hold what it signs to the authority's own purposes, so no mail and no program of it.
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await SubjectKeyIdentifierExtension.create(key),
      new Extension(id_ce_nameConstraints, CRITICAL, AsnConvert.serialize(only(realm))),
    ],
  });
  return `${made.toString('pem')}\n`;
}

/** A server's certificate, in PEM. */
export async function serverCertificate(
  issuer: Issuer,
  { hosts, publicKey, validity }: ServerContents,
): Promise<string> {
  const authority = new X509Certificate(issuer.certificate);
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const made = await X509CertificateGenerator.create({
    publicKey: key,
    signingKey: await signing(issuer.privateKey),
    subject: titled(hosts[0] ?? ''),
    issuer: authority.subjectName,
    ...between(validity),
    extensions: [
      new BasicConstraintsExtension(false, undefined, CRITICAL),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, CRITICAL),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(hosts.map(alternative)),
      await SubjectKeyIdentifierExtension.create(key),
      new AuthorityKeyIdentifierExtension(keyIdOf(authority)),
    ],
  });
  return `${made.toString('pem')}\n`;
}

const CRITICAL = true;

/** The library signs by WebCrypto. */
function signing(key: KeyObject): Promise<CryptoKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
}

const titled = (name: string): JsonName => [{ CN: [name] }];

function alternative(host: string): JsonGeneralName {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}

function between({ from, until }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(from), notAfter: new Date(until) };
}

/** As the authority calls its key: clients compare the two, and there are several ways to make one. */
function keyIdOf(authority: X509Certificate): string {
  const extension = authority.getExtension(SubjectKeyIdentifierExtension);
  if (extension === null) throw new Error('the authority’s certificate does not name its key');
  return extension.keyId;
}

function only({ domains, networks }: Realm): NameConstraints {
  const names = [
    ...domains.map((dNSName) => new GeneralName({ dNSName })),
    ...networks.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  const permittedSubtrees = new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })));
  return new NameConstraints({ permittedSubtrees });
}
