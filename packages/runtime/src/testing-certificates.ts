/** Certificates of a private authority that lives as long as a test: by openssl, as an operator would make them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestAuthority {
  /** The authority's own certificate: what clients are told to believe. */
  ca: string;
  /** Issues a certificate for these names and addresses, `DNS:localhost,IP:127.0.0.1`. */
  issue(name: string, subjects?: string): { cert: string; key: string };
  close(): void;
}

/** A new authority, its files in a folder that all users may read, as a database server's own user must. */
export function testAuthority(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-ca-'));
  execFileSync('chmod', ['755', directory]);
  const path = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    ...['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
    ...['-subj', '/CN=Authority of a test'],
  );
  return {
    ca: path('ca.pem'),
    issue(name, subjects = 'DNS:localhost,IP:127.0.0.1') {
      writeFileSync(path(`${name}.ext`), `subjectAltName=${subjects}\n`);
      openssl(
        'req',
        ...newKey,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      );
      openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key'],
        ...['-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
      );
      return { cert: path(`${name}.pem`), key: path(`${name}.key`) };
    },
    close: () => rmSync(directory, { recursive: true }),
  };
}
