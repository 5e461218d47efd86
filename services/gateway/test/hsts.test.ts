import { loadConfig } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { GatewayConfig, startGateway } from '../src/service.ts';
import {
  type Gateway,
  gatewayTo,
  INTERNAL_SECRET,
  startUpstream,
  type Upstream,
} from './upstream.fixture.ts';

const HSTS = 'strict-transport-security';

/** What a gateway, set up like this, says to a browser that asks for a page there. */
async function said(
  url: string,
  environment: Record<string, string> = {},
  authority?: string,
): Promise<string | null> {
  const config = loadConfig(GatewayConfig, {
    environment: { INTERNAL_SECRET, LOG_LEVEL: 'error', ...environment },
  });
  const gateway = await startGateway(config, { authority });
  onTestFinished(() => gateway.close());
  const answer = await gateway.fetch(new Request(url), { remoteAddress: '203.0.113.7' });
  expect(answer.status).toBe(200);
  return answer.headers.get(HSTS);
}

describe('strict transport security', () => {
  it('is for a year and this name alone, by TLS', async () => {
    expect(await said('https://chat.example.org/docs')).toBe('max-age=31536000');
  });

  it('is nothing to say over plain HTTP', async () => {
    expect(await said('http://chat.example.org/docs')).toBeNull();
  });

  it('is not asked for a certificate of the platform’s own making', async () => {
    expect(await said('https://attic.local/docs', {}, 'a certificate')).toBeNull();
  });

  it('is what the operator says', async () => {
    const longer = { HSTS_MAX_AGE: '730d', HSTS_INCLUDE_SUBDOMAINS: 'true' };
    const none = { HSTS_MAX_AGE: '0s' };
    expect(await said('https://a.example/docs', longer)).toBe(
      'max-age=63072000; includeSubDomains',
    );
    expect(await said('https://a.example/docs', none)).toBe('max-age=0');
  });
});

describe('behind a proxy that ends TLS', () => {
  let upstream: Upstream;
  let gateway: Gateway;
  beforeAll(async () => {
    upstream = await startUpstream((request, response) => {
      request.resume();
      response.setHeader(HSTS, 'max-age=1').end('{}');
    });
    gateway = await gatewayTo(upstream.url, { TRUSTED_PROXIES: '1' });
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  it.each(['/api/v1/auth/me', '/docs', '/nothing', '/%2e', '/api/v1/auth//me'])(
    'those hear it who came by TLS, and nobody else (%s)',
    async (path) => {
      const by = (scheme: string) =>
        fetch(gateway.url + path, { headers: { 'x-forwarded-proto': scheme } });
      expect((await by('https')).headers.get(HSTS)).toBe('max-age=31536000');
      expect((await by('http')).headers.get(HSTS)).toBeNull();
      expect((await fetch(gateway.url + path)).headers.get(HSTS)).toBeNull();
    },
  );
});
