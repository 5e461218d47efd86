import { describe, expect, it } from 'vitest';
import { clientOf, originFrom } from './client.ts';

/** The address that is believed, of a connection from 10.0.0.1. */
function addressBehind(trustedProxies: number, forwardedFor?: string): string {
  const header = (name: string) => (name === 'x-forwarded-for' ? forwardedFor : undefined);
  return clientOf({ remoteAddress: '10.0.0.1' }, header, trustedProxies).remoteAddress;
}

describe('the client', () => {
  it.each([
    [0, '203.0.113.7', '10.0.0.1'],
    [1, undefined, '10.0.0.1'],
    [1, '', '10.0.0.1'],
    [1, '203.0.113.7', '203.0.113.7'],
    [1, '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    [2, '198.51.100.1, 203.0.113.7, 10.0.0.2', '203.0.113.7'],
    [2, '203.0.113.7', '203.0.113.7'],
    [3, '1.1.1.1,203.0.113.7 ,\t10.0.0.3,10.0.0.2', '203.0.113.7'],
    [1, '203.0.113.7:4711', '203.0.113.7'],
    [1, '[2001:db8::7]:4711', '2001:db8::7'],
    [1, '2001:db8::7', '2001:db8::7'],
    [1, '203.0.113.7, unknown', '10.0.0.1'],
    [1, '203.0.113.7, _hidden', '10.0.0.1'],
    [2, '203.0.113.7, nonsense, 10.0.0.2', '10.0.0.2'],
    [1, '203.0.113.7,', '10.0.0.1'],
    [1, '203.0.113.7, 999.1.1.1', '10.0.0.1'],
  ])('behind %s proxies that say %j is %s', (proxies, forwardedFor, expected) => {
    expect(addressBehind(proxies, forwardedFor)).toBe(expected);
  });

  it.each([0, 1])('behind %s proxies keeps what ends its connection', (proxies) => {
    const breakOff = () => undefined;
    const client = clientOf({ remoteAddress: '10.0.0.1', breakOff }, () => undefined, proxies);
    expect(client.breakOff).toBe(breakOff);
  });

  it('called the origin that a trusted proxy tells, and no other is believed', () => {
    const headers: Record<string, string> = {
      host: 'Chat.Example.org',
      'x-forwarded-proto': 'https',
    };
    const origin = (proxies: number) =>
      clientOf({ remoteAddress: '10.0.0.1' }, (name) => headers[name], proxies).origin;
    expect(origin(1)).toBe('https://chat.example.org');
    expect(origin(0)).toBeUndefined();
    headers['x-forwarded-proto'] = 'http, https';
    expect(origin(1)).toBe('https://chat.example.org');
    headers['x-forwarded-proto'] = 'gopher';
    expect(origin(1)).toBeUndefined();
  });

  it.each([
    ['https', 'a.example:443', 'https://a.example'],
    ['http', 'A.example:80', 'http://a.example'],
    ['https', 'a.example:80', 'https://a.example:80'],
    ['http', '[::1]:8080', 'http://[::1]:8080'],
    ['http', '', undefined],
    ['http', 'a b', undefined],
    ['http', 'a/b', undefined],
    ['http', 'a@b', undefined],
    ['http', 'a:99999999', undefined],
  ] as const)('by %s and the host %j has called %s', (scheme, host, expected) => {
    expect(originFrom(scheme, host)).toBe(expected);
  });
});
