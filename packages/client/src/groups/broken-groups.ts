/** Groups whose log waits for a contact's identity to be accepted, once it was. */
import { listKnownConversations } from '../messages/conversations.ts';
import type { GroupDeps } from './group-authors.ts';
import { PASSING, readGroup } from './group-reading.ts';

/** Reads on in all of them; `tell` is told of those that cannot be read, which keep no other. */
export async function readBrokenGroups(
  deps: GroupDeps,
  tell: (error: unknown) => void,
): Promise<void> {
  for (const record of await listKnownConversations(deps.store)) {
    const isWaiting = record.kind === 'group' && record.broken === PASSING;
    if (isWaiting) await readGroup(deps, record.id).catch(tell);
  }
}
