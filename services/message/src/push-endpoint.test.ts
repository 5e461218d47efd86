import { expect, test } from 'vitest';
import { isPushEndpoint, PUSH_HOST, PUSH_SERVICES } from './push-endpoint.ts';

const HOSTS = [...PUSH_SERVICES, 'push.example.org:8443'];

test.each([
  'https://fcm.googleapis.com/fcm/send/abc:def',
  'https://updates.push.services.mozilla.com/wpush/v2/gAAAA',
  'https://web.push.apple.com/QGuQ',
  'https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD',
  'https://fcm.googleapis.com:443/fcm/send/abc',
  'https://push.example.org:8443/1',
])('%s is a push service', (endpoint) => {
  expect(isPushEndpoint(endpoint, HOSTS)).toBe(true);
});

test.each([
  'http://fcm.googleapis.com/fcm/send/abc',
  'https://fcm.googleapis.com:8443/',
  'https://push.example.org/1',
  'https://evil.example/fcm.googleapis.com',
  'https://fcm.googleapis.com.evil.example/',
  'https://fcm.googleapis.com@evil.example/',
  'https://evil.example#@fcm.googleapis.com/',
  'https://user:password@fcm.googleapis.com/',
  'https://notify.windows.com/',
  'https://xnotify.windows.com/',
  'https://fcm.googleapis.com./',
  'https://127.0.0.1/',
  'https://[::1]/',
  'https://2130706433/',
  'file:///etc/passwd',
  'no url',
])('%s is none', (endpoint) => {
  expect(isPushEndpoint(endpoint, HOSTS)).toBe(false);
});

test('hosts are written without scheme, path or upper case', () => {
  for (const host of HOSTS) expect(host).toMatch(PUSH_HOST);
  for (const host of ['https://a.example', 'a.example/x', 'A.example', '*', '*.', 'a.*.example']) {
    expect(host).not.toMatch(PUSH_HOST);
  }
});
