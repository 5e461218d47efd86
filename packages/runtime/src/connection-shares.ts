/** Connections of a server, shared among the addresses that they come from. */
import type { Server, Socket } from 'node:net';
import { limiterKey } from './client-address.ts';

/**
 * Closes connections as they come from an address that holds its share already, an IPv6 address by its /64. This machine
 * itself has no share: what comes from here is for many, or its owner's.
 */
export function shareConnections(server: Server, perAddressMax: number): void {
  const held = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket;
    const key = limiterKey(remoteAddress);
    if (remoteAddress === '::1' || key.startsWith('127.')) return;
    const count = held.get(key) ?? 0;
    if (count >= perAddressMax) {
      socket.destroy();
      return;
    }
    held.set(key, count + 1);
    socket.once('close', () => {
      const left = (held.get(key) ?? 1) - 1;
      if (left === 0) held.delete(key);
      else held.set(key, left);
    });
  });
}
