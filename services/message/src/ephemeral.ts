/**
 * What is not stored: from one socket to those that are connected, on this node from memory and on the others by a
 * signal. It is not answered; what may not or cannot be passed on is dropped.
 */

import type { ClientFrame } from '@sotto/api';
import { type Address, ConversationId, DeviceId, encodeBase64url, UserId } from '@sotto/api';
import type { Bus, Closable } from '@sotto/runtime';
import { z } from 'zod';
import { Allowance } from './allowance.ts';
import { areApart, type Circle, type Circles } from './circles.ts';
import type { Events } from './events.ts';
import type { Attendee, Hub } from './hub.ts';
import {
  EPHEMERAL_BURST_POINTS,
  EPHEMERAL_DEVICES_PER_POINT,
  EPHEMERAL_POINTS_PER_SECOND,
} from './limits.ts';

const SUBJECT = 'presence.ephemeral';

export type EphemeralFrame = Extract<ClientFrame, { type: 'ephemeral' }>;

const Ciphertext = z.base64url();

/** As it travels between nodes. The sender's node has looked who may hear it. */
const Passed = z.object({
  node: z.string(),
  conversation: ConversationId,
  sender: z.object({ user: UserId, device: DeviceId }),
  /** The users whose devices may hear it. */
  to: z.array(UserId),
  /** For all of their devices, */
  ciphertext: Ciphertext.optional(),
  /** or for each its own. */
  recipients: z.array(z.tuple([DeviceId, Ciphertext])).optional(),
});
type Passed = z.infer<typeof Passed>;

export interface Ephemeral extends Closable {
  /** Passes a frame on, or drops it. Never throws. */
  pass(from: Attendee, frame: EphemeralFrame): void;
}

export interface EphemeralDeps {
  bus: Bus;
  node: string;
  hub: Pick<Hub, 'find' | 'ofUser'>;
  circles: Circles;
  events: Pick<Events, 'signalFailed'>;
}

/** Hears what other nodes pass on, until it is closed. */
export async function startEphemeral(deps: EphemeralDeps): Promise<Ephemeral> {
  const { bus, circles, events, node } = deps;
  const allowances = new WeakMap<Attendee, Allowance>();

  function isAllowed(from: Attendee, points: number): boolean {
    const moment = performance.now();
    let allowance = allowances.get(from);
    if (allowance === undefined) {
      allowance = new Allowance(RULE, moment);
      allowances.set(from, allowance);
    }
    return allowance.take(points, moment);
  }

  /** The first point of each frame has been paid. */
  function passWithin(circle: Circle, from: Attendee, frame: EphemeralFrame): void {
    const to = hearersOf(circle, from.user);
    const devices = frame.recipients?.length ?? to.length;
    const points = Math.max(0, devices / EPHEMERAL_DEVICES_PER_POINT - 1);
    if (to.length === 0 || !isAllowed(from, points)) return;
    const passed = toPassed(frame, { sender: { user: from.user, device: from.device }, to, node });
    deliver(deps.hub, passed);
    bus.signal(SUBJECT, Buffer.from(JSON.stringify(passed)));
  }

  const listener = await bus.listen(SUBJECT, (data) => {
    const passed = Passed.safeParse(JSON.parse(Buffer.from(data).toString()));
    if (passed.success && passed.data.node !== node) deliver(deps.hub, passed.data);
  });
  return {
    pass(from, frame) {
      // Also of what is dropped later: to find out who may hear it costs a query.
      if (!isAllowed(from, 1)) return;
      const { conversation } = frame;
      const circle = circles.find(conversation, from.user);
      if (circle !== undefined) {
        passWithin(circle, from, frame);
        return;
      }
      circles
        .load(conversation)
        .then((loaded) => passWithin(loaded, from, frame))
        .catch(events.signalFailed);
    },
    close: () => listener.close(),
  };
}

const RULE = { burst: EPHEMERAL_BURST_POINTS, perSecond: EPHEMERAL_POINTS_PER_SECOND };

/**
 * The users whose devices may hear a member, the member's own others among them. Whoever has yet to accept is neither heard
 * nor hears: what a stranger types would reach, unasked and unstored, somebody who cannot report it.
 */
function hearersOf(circle: Circle, from: UserId): UserId[] {
  if (!circle.members.get(from)) return [];
  return [...circle.members]
    .filter(([user, isAccepted]) => isAccepted && !areApart(circle, from, user))
    .map(([user]) => user);
}

function toPassed(
  { conversation, ciphertext, recipients }: EphemeralFrame,
  about: { node: string; sender: Address; to: UserId[] },
): Passed {
  return {
    ...about,
    conversation,
    ...(ciphertext && { ciphertext: encodeBase64url(ciphertext) }),
    ...(recipients && {
      recipients: recipients.map(({ device, ciphertext }): [DeviceId, string] => {
        return [device, encodeBase64url(ciphertext)];
      }),
    }),
  };
}

/** To the sockets of this node. A socket proves whose its device is, so that needs no looking up. */
function deliver(hub: EphemeralDeps['hub'], passed: Passed): void {
  const { conversation, sender, to, ciphertext, recipients = [] } = passed;
  const textOf = (content: string) =>
    `{"type":"ephemeral","conversation":"${conversation}",` +
    `"sender":{"user":"${sender.user}","device":"${sender.device}"},"ciphertext":"${content}"}`;
  if (ciphertext !== undefined) {
    const text = textOf(ciphertext);
    for (const user of to) {
      for (const attendee of hub.ofUser(user)) {
        if (attendee.device !== sender.device) attendee.pass(text);
      }
    }
  }
  for (const [device, content] of recipients) {
    const attendee = device === sender.device ? undefined : hub.find(device);
    if (attendee !== undefined && to.includes(attendee.user)) attendee.pass(textOf(content));
  }
}
