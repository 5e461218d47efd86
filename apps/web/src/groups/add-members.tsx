/** Adding people to a group. */
import type { ConversationView } from '@sotto/client';
import { type UserId, useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Button, Dialog } from '../design/index.ts';
import { useTask } from '../settings/use-task.ts';
import { Chosen } from './chosen.tsx';
import { PersonSearch } from './person-search.tsx';

export interface AddMembersProps {
  view: ConversationView;
  onClose: () => void;
}

/** They read what is said from then on. */
export function AddMembers({ view, onClose }: AddMembersProps) {
  const client = useClient();
  const task = useTask();
  const [chosen, setChosen] = useState<ReadonlyMap<UserId, string>>(new Map());
  const toggle = (user: UserId, name: string) =>
    setChosen((before) => {
      const next = new Map(before);
      if (!next.delete(user)) next.set(user, name);
      return next;
    });
  const add = async () => {
    if (await task.run(() => client.groups.add(view.id, [...chosen.keys()]))) onClose();
  };
  return (
    <Dialog
      title="Add people"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            tone="primary"
            busy={task.isBusy}
            disabled={chosen.size === 0}
            onClick={() => void add()}
          >
            Add
          </Button>
        </>
      }
    >
      <Chosen members={chosen} onRemove={(user) => toggle(user, '')} />
      <PersonSearch
        label="Who"
        error={task.error}
        onChoose={toggle}
        chosen={new Set(chosen.keys())}
        without={new Set(view.members)}
      />
    </Dialog>
  );
}
