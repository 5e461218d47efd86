/** The platform for a private network: its own certificate, kept up to date, and what people there have to do once. */
import { isIPv6 } from 'node:net';
import { type Authority, authorityFiles, openAuthority } from './local-authority.ts';
import { ownHosts } from './private-network.ts';

/** Where the gateway serves the authority's certificate. */
export const AUTHORITY_PATH = '/ca.crt';

/** An address that the router gave anew is good for TLS this soon. */
const CHECK_MS = 60_000;

/** The variables that make a platform one of a private network. */
export function lanEnvironment(dataDirectory: string): Record<string, string> {
  const { certificate, key } = authorityFiles(dataDirectory);
  return { SERVER_HOST: '0.0.0.0', TLS_CERT: certificate, TLS_KEY: key };
}

/** An authority whose certificate for this machine is renewed for as long as it is open. */
export interface KeptAuthority extends Pick<Authority, 'certificate' | 'fingerprint'> {
  close(): void;
}

export interface Serving {
  dataDirectory: string;
  /** The certificate that the platform serves by, if any. */
  certificateFile: string | undefined;
  onFailure: (error: unknown) => void;
}

/**
 * The authority, when the platform serves by its certificate; undefined for TLS with another, or none. Rejects when the
 * first certificate cannot be made; what goes wrong with a later one is told to `onFailure`, and tried again.
 */
export async function keepOwnCertificate({
  dataDirectory,
  certificateFile,
  onFailure,
}: Serving): Promise<KeptAuthority | undefined> {
  if (certificateFile !== authorityFiles(dataDirectory).certificate) return undefined;
  const { certificate, fingerprint, certify } = await openAuthority(dataDirectory);
  const renew = async (): Promise<void> => certify(ownHosts().all);
  await renew();
  const timer = setInterval(() => void renew().catch(onFailure), CHECK_MS);
  return { certificate, fingerprint, close: () => clearInterval(timer) };
}

/** Where a platform is reached. */
export interface Reach {
  /** What it listens on. */
  host: string;
  port: number;
}

/** Where others in the network reach the platform, the likeliest first. */
export function lanUrls({ host, port }: Reach): string[] {
  const { elsewhere } = ownHosts();
  const inIPv4 = elsewhere.filter((one) => !isIPv6(one));
  const [first = 'localhost', ...others] = { '::': elsewhere, '0.0.0.0': inIPv4 }[host] ?? [host];
  return [first, ...others].map((one) => {
    return `https://${isIPv6(one) ? `[${one}]` : one}:${port}`;
  });
}

/** What the terminal shows when the platform is up. */
export function lanNotice(fingerprint: string, urls: readonly string[]): string {
  return `
Sotto is open to this network:
${urls.map((url) => `  ${url}`).join('\n')}

Each device has to trust this platform's certificate authority, once. There:
  1. open ${urls[0]}${AUTHORITY_PATH} (the browser warns, this one time: go on)
  2. compare the fingerprint (SHA-256) of what was downloaded:
     ${fingerprint.slice(0, 48)}
     ${fingerprint.slice(48)}
  3. trust it: services/standalone/README.md says where each system has that
The authority can sign for private networks only, and its key stays in the data directory.
`;
}
