/** Control messages on their way in: each goes to the part of the SDK that it speaks to. */
import { receiveTitleKey } from '../groups/group-title.ts';
import { takeSenderKey } from '../groups/open-group-message.ts';
import { takeProfile } from '../people/profile-arrival.ts';
import { answerResend } from '../repair/repair-answer.ts';
import { takeAgain } from '../repair/repair-arrival.ts';
import { keys } from '../store/key-space.ts';
import { putRecord } from '../store/stored-record.ts';
import { type Control, decodeControl } from './control.ts';
import { Place } from './history-item.ts';
import type { ControlArrival, ControlHandler, OpenDeps } from './opening.ts';
import { takeRead } from './read-marks.ts';

const HANDLERS: { readonly [Type in Control['type']]?: ControlHandler<Type> } = {
  profile: takeProfile,
  read: takeRead,
  'title-key': (deps, _, { key }) => receiveTitleKey(deps, key),
  'sender-key': takeSenderKey,
  resend: answerResend,
  again: takeAgain,
};

/** Takes one control message in. What this release does not know is passed over. Throws `content.invalid`. */
export async function takeControl(deps: OpenDeps, arrival: ControlArrival): Promise<void> {
  const { id, seq, sender, content } = arrival;
  // It may be delivered again, and could not be decrypted then.
  const place = { conversation: deps.conversation.id, seq };
  await putRecord(deps.transaction, keys.messageId(sender, id), [Place, place]);
  const control = decodeControl(content);
  if (control !== undefined) await handle(deps, arrival, control);
}

function handle<Type extends Control['type']>(
  deps: OpenDeps,
  arrival: ControlArrival,
  control: Extract<Control, { type: Type }>,
): Promise<void> | undefined {
  const handler: ControlHandler<Type> | undefined = HANDLERS[control.type as Type];
  return handler?.(deps, arrival, control);
}
