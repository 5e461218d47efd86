/** Founding a group. */
import { type UserId, useClient } from '@sotto/hooks';
import { useState } from 'react';
import { useFirstFocus } from '../conversations/use-first-focus.ts';
import { Button, Dialog, TextField } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { navigate } from '../shell/route.ts';
import { Chosen } from './chosen.tsx';
import { GROUP_MEMBERS_MAX, titleError } from './group-limits.ts';
import { PersonSearch } from './person-search.tsx';

/** A name and members; who founds it is its admin. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const first = useFirstFocus<HTMLInputElement>();
  const [title, setTitle] = useState('');
  const [members, setMembers] = useState<ReadonlyMap<UserId, string>>(new Map());
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const toggle = (user: UserId, name: string) =>
    setMembers((chosen) => {
      const next = new Map(chosen);
      if (!next.delete(user)) next.set(user, name);
      return next;
    });
  const found = async () => {
    const name = title.trim();
    const wrong = titleError(name) ?? membersError(members.size);
    setError(wrong);
    if (wrong !== undefined) return;
    setBusy(true);
    try {
      const { id } = await client.groups.create({ members: [...members.keys()], title: name });
      onClose();
      navigate({ name: 'chat', conversation: id });
    } catch (failure) {
      setError(explain(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="New group"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" busy={isBusy} onClick={() => void found()}>
            Create group
          </Button>
        </>
      }
    >
      <TextField
        label="Group name"
        hint="Only members can read it"
        ref={first}
        value={title}
        dir="auto"
        onChange={(event) => setTitle(event.currentTarget.value)}
        autoComplete="off"
      />
      <Chosen members={members} onRemove={(user) => toggle(user, '')} />
      <PersonSearch
        label="Members"
        isFirst={false}
        error={error}
        onChoose={toggle}
        chosen={new Set(members.keys())}
      />
    </Dialog>
  );
}

function membersError(count: number): string | undefined {
  if (count === 0) return 'Choose at least one person';
  return count < GROUP_MEMBERS_MAX ? undefined : `A group has ${GROUP_MEMBERS_MAX} people at most`;
}
