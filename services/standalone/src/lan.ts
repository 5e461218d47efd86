/** The platform for a private network: its own certificate, kept up to date, and what people there have to do once. */
import type { StandaloneConfig } from './config.ts';
import { type Authority, authorityFiles, openAuthority } from './local-authority.ts';
import { ownHosts } from './private-network.ts';

/** Where the gateway serves the authority's certificate. */
export const AUTHORITY_PATH = '/ca.crt';

/** An address that the router gave anew is good for TLS this soon. */
const CHECK_MS = 60_000;

/** The defaults that make a platform one of a private network, by variable; the configuration may say otherwise. */
export function lanDefaults(dataDirectory: string): Record<string, string> {
  const { certificate, key } = authorityFiles(dataDirectory);
  return { SERVER_HOST: '0.0.0.0', TLS_CERT: certificate, TLS_KEY: key };
}

/** An authority whose certificate for this machine is renewed for as long as it is open. */
export interface KeptAuthority extends Pick<Authority, 'certificate' | 'fingerprint'> {
  close(): void;
}

/** The authority, when the platform serves by its certificate; undefined for TLS with another, or none. */
export function keepOwnCertificate(
  { data, server }: StandaloneConfig,
  onFailure: (error: unknown) => void,
): KeptAuthority | undefined {
  if (server.tls?.cert !== authorityFiles(data.directory).certificate) return undefined;
  const { certificate, fingerprint, certify } = openAuthority(data.directory);
  certify(ownHosts().all);
  const timer = setInterval(() => {
    try {
      certify(ownHosts().all);
    } catch (error) {
      onFailure(error);
    }
  }, CHECK_MS);
  return { certificate, fingerprint, close: () => clearInterval(timer) };
}

/** What the terminal shows when the platform is up. */
export function lanNotice({ fingerprint, port }: { fingerprint: string; port: number }): string {
  const urls = ownHosts().elsewhere.map((host) => {
    return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  });
  const [first = `https://localhost:${port}`] = urls;
  return `
Sotto is open to this network:
${urls.map((url) => `  ${url}`).join('\n')}

Each device has to trust this platform's certificate authority, once. There:
  1. open ${first}${AUTHORITY_PATH} (the browser warns, this one time: go on)
  2. compare the fingerprint (SHA-256) of what was downloaded:
     ${fingerprint.slice(0, 48)}
     ${fingerprint.slice(48)}
  3. trust it: services/standalone/README.md says where each system has that
The authority can sign for private networks only, and its key stays in the data directory.
`;
}
