import { expect, test } from 'vitest';
import { sourceOf } from './source.ts';

test.each([
  ['203.0.113.7', '203.0.113.7', 'public'],
  ['::ffff:203.0.113.7', '203.0.113.7', 'public'],
  ['127.0.0.1', '127.0.0.1', 'private'],
  ['::ffff:127.0.0.1', '127.0.0.1', 'private'],
  ['10.1.2.3', '10.1.2.3', 'private'],
  ['172.31.0.1', '172.31.0.1', 'private'],
  ['172.32.0.1', '172.32.0.1', 'public'],
  ['192.168.0.9', '192.168.0.9', 'private'],
  ['169.254.3.4', '169.254.3.4', 'private'],
  ['::1', '0:0:0:0::/64', 'private'],
  ['fd12:3456::1', 'fd12:3456:0:0::/64', 'private'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64', 'private'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', 'public'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64', 'public'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64', 'public'],
  ['2001:db8:1::', '2001:db8:1:0::/64', 'public'],
  ['', 'unknown', 'public'],
])('%s counts as %s, which is %s', (remoteAddress, key, range) => {
  expect(sourceOf({ remoteAddress })).toEqual({ key, range });
});

test('a call within the process is a source of its own', () => {
  expect(sourceOf(undefined)).toEqual({ key: 'process', range: 'private' });
});
