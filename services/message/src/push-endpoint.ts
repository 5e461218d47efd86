/** Where wake-ups may go: clients name the address, so without a list they could make us call anything. */

/** The push services of Chrome, Firefox, Safari and Edge. */
export const PUSH_SERVICES = [
  'fcm.googleapis.com',
  'updates.push.services.mozilla.com',
  'web.push.apple.com',
  '*.notify.windows.com',
];

/** `push.example.org`, `*.example.org` for every name below it, `push.example.org:8443` for another port than 443. */
export const PUSH_HOST = /^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/;

/** Whether an address is one of the hosts: by HTTPS, and with nothing in front of the host that would hide another. */
export function isPushEndpoint(endpoint: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { protocol, hostname, port, username, password } = new URL(endpoint);
  if (protocol !== 'https:' || username !== '' || password !== '') return false;
  return hosts.some((pattern) => {
    const [host = '', wantedPort = '443'] = pattern.split(':');
    if ((port || '443') !== wantedPort) return false;
    return host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host;
  });
}
