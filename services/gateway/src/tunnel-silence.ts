/**
 * Tunnels that the message service has left without a word: its node is cut off, or hangs.
 *
 * A connection to it may live on for a quarter of an hour, and so would the client's to us. All tunnels are looked at
 * together, and each is asked what it has read so far: a message costs nothing, and no tunnel has a timer.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TUNNEL_SILENT_LOOKS } from './limits.ts';

/** One tunnel's end at the service, from look to look. */
export interface Hearing {
  /** True once: at the look at which the service has been silent for too long. */
  isOver(): boolean;
  /** Waits for no goodbye of a service that says nothing. */
  cut(): void;
}

/** Begins to look; undefined for what is no socket. */
export function hear(service: Duplex): Hearing | undefined {
  if (!(service instanceof Socket)) return undefined;
  let readBytes = -1;
  let silentLooks = 0;
  return {
    isOver() {
      const { bytesRead } = service;
      // While the client takes nothing, nothing is asked of the service either.
      const isSilent = bytesRead === readBytes && !service.isPaused();
      silentLooks = isSilent ? silentLooks + 1 : 0;
      readBytes = bytesRead;
      return silentLooks === TUNNEL_SILENT_LOOKS;
    },
    cut: () => void service.destroy(),
  };
}
