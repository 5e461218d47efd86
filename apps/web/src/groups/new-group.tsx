/** Founding a group. */
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { useFirstFocus } from '../conversations/use-first-focus.ts';
import { FormDialog, TextField } from '../design/index.ts';
import { navigate } from '../shell/route.ts';
import { useTask } from '../shell/use-task.ts';
import { Chosen } from './chosen.tsx';
import { GROUP_MEMBERS_MAX, titleError } from './group-limits.ts';
import { PersonSearch } from './person-search.tsx';
import { useChosen } from './use-chosen.ts';

/** A name and members; who founds it is its admin. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const first = useFirstFocus<HTMLInputElement>();
  const task = useTask();
  const [title, setTitle] = useState('');
  const { chosen, toggle } = useChosen();
  const [isChecked, setChecked] = useState(false);
  const name = title.trim();
  const wrongTitle = titleError(name);
  const wrongMembers = membersError(chosen.size);
  const found = async () => {
    setChecked(true);
    if (wrongTitle !== undefined || wrongMembers !== undefined) return;
    await task.run(async () => {
      const { id } = await client.groups.create({ members: [...chosen.keys()], title: name });
      onClose();
      navigate({ name: 'chat', conversation: id });
    });
  };
  return (
    <FormDialog
      title="New group"
      submit="Create group"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void found()}
      onClose={onClose}
    >
      <TextField
        label="Group name"
        hint="Only members can read it"
        error={isChecked ? wrongTitle : undefined}
        ref={first}
        value={title}
        dir="auto"
        onChange={(event) => setTitle(event.currentTarget.value)}
        autoComplete="off"
      />
      <Chosen members={chosen} onRemove={(user) => toggle(user, '')} />
      <PersonSearch
        label="Members"
        isFirst={false}
        error={isChecked ? wrongMembers : undefined}
        onChoose={toggle}
        chosen={new Set(chosen.keys())}
      />
    </FormDialog>
  );
}

function membersError(count: number): string | undefined {
  if (count === 0) return 'Choose at least one person';
  return count < GROUP_MEMBERS_MAX ? undefined : `A group has ${GROUP_MEMBERS_MAX} people at most`;
}
