/**
 * One socket per device over all nodes: a node that gets one tells the others, which close theirs.
 *
 * A signal may be late: it says when the device connected, and only older sockets are closed. It may be lost: then two
 * sockets of a device live side by side until one ends; both get everything, and the device drops what it has.
 */
import { CLOSE_CODES, DeviceId } from '@sotto/api';
import type { Bus, Closable } from '@sotto/runtime';
import { z } from 'zod';
import type { Hub } from './hub.ts';

const SUBJECT = 'presence.connected';

const Connected = z.strictObject({ device: DeviceId, node: z.string(), arrival: z.int() });

/** Tells the other nodes that a device has connected to this one, and when. */
export function announceConnected(bus: Bus, connected: z.infer<typeof Connected>): void {
  bus.signal(SUBJECT, Buffer.from(JSON.stringify(connected)));
}

/** Closes sockets of devices that have since connected to another node. */
export function hearConnected(bus: Bus, node: string, hub: Hub): Promise<Closable> {
  return bus.listen(SUBJECT, (data) => {
    const connected = Connected.safeParse(JSON.parse(Buffer.from(data).toString()));
    if (!connected.success || connected.data.node === node) return;
    const { device, arrival } = connected.data;
    hub.findOlder(device, arrival)?.close(CLOSE_CODES.replaced);
  });
}
