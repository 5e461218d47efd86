/** What is checked of how strangers reach the platform. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { registrationMode } from '../../services/auth/src/config.ts';
import { type Checks, type Finding, fail, ok, type Patient, skipped, warn } from './finding.ts';

/** Renewals come a month before the end; who is later has missed some. */
const CERTIFICATE_DAYS_MIN = 14;
const DAY_MS = 86_400_000;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

export const exposureChecks: Checks = { tls, exposure, origins, registration };

/** True when only this machine gets here. */
function isLocal({ config: { server } }: Patient): boolean {
  return LOOPBACK.test(server.publishedHost ?? server.host) && server.trustedProxies === 0;
}

function tls({ config: { server } }: Patient): Finding {
  if (server.tls === undefined) return skipped('the platform serves plain HTTP: see exposure');
  const todo = 'renew the certificate; the platform reads it again by itself';
  try {
    const certificate = new X509Certificate(readFileSync(server.tls.cert));
    const key = createPrivateKey(readFileSync(server.tls.key));
    if (!certificate.checkPrivateKey(key)) {
      return fail('TLS_KEY is not the key of TLS_CERT', 'put in the pair that belongs together');
    }
    const missing = server.publicOrigins
      .map((origin) => new URL(origin).hostname.replace(/^\[|\]$/g, ''))
      .filter((host) => !names(certificate, host));
    if (missing.length > 0)
      return fail(`the certificate does not name ${missing.join(', ')}`, todo);
    const days = Math.floor((certificate.validToDate.getTime() - Date.now()) / DAY_MS);
    if (days < 0) return fail('the certificate has expired', todo);
    const says = `the certificate is good for ${days} days`;
    return days < CERTIFICATE_DAYS_MIN ? warn(says, todo) : ok(says);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
    return fail(`certificate or key cannot be read (${code})`, 'see TLS_CERT and TLS_KEY');
  }
}

function names(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

function exposure(patient: Patient): Finding {
  const { server } = patient.config;
  if (isLocal(patient)) return ok('only this machine gets here');
  if (server.tls !== undefined) return ok(`others get here at ${server.host}, by TLS`);
  if (server.trustedProxies > 0) {
    return server.publicOrigins.some((origin) => origin.startsWith('http:'))
      ? warn('a public origin is plain HTTP', 'let the proxy in front speak TLS, and say https')
      : ok(`${server.trustedProxies} proxies stand in front`);
  }
  return fail(
    `plain HTTP on ${server.host}: passwords and tokens pass in the clear`,
    'set TLS_CERT and TLS_KEY, put a proxy with TLS in front (TRUSTED_PROXIES), or npm start -- --lan',
  );
}

function origins(patient: Patient): Finding {
  const { publicOrigins } = patient.config.server;
  if (publicOrigins.length > 0) return ok(publicOrigins.join(', '));
  if (isLocal(patient)) return ok('this machine’s own names');
  return fail(
    'PUBLIC_ORIGINS is not set: request proofs and pages of your domain may be refused',
    'set it to what clients call, such as https://chat.example.org',
  );
}

function registration(patient: Patient): Finding {
  const mode = registrationMode(patient.config);
  if (mode !== 'open') return ok(mode);
  if (isLocal(patient)) return ok('open, for this machine alone');
  return warn(
    'anybody who gets here may make an account',
    'REGISTRATION_MODE=invite, if that is not meant',
  );
}
