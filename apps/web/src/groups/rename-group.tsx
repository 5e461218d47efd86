/** Giving a group another name. */
import type { ConversationView } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { useFirstFocus } from '../conversations/use-first-focus.ts';
import { Button, Dialog, TextField } from '../design/index.ts';
import { useTask } from '../settings/use-task.ts';
import { titleError } from './group-limits.ts';

export interface RenameGroupProps {
  view: ConversationView;
  onClose: () => void;
}

/** Members see who changed it; the platform never learns it. */
export function RenameGroup({ view, onClose }: RenameGroupProps) {
  const client = useClient();
  const task = useTask();
  const first = useFirstFocus<HTMLInputElement>();
  const [title, setTitle] = useState(view.title ?? '');
  const [wrong, setWrong] = useState<string>();
  const save = async () => {
    const name = title.trim();
    const error = titleError(name);
    setWrong(error);
    if (error !== undefined) return;
    if (await task.run(() => client.groups.rename(view.id, name))) onClose();
  };
  return (
    <Dialog
      title="Rename the group"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" busy={task.isBusy} onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <TextField
        label="Group name"
        error={wrong ?? task.error}
        value={title}
        dir="auto"
        ref={first}
        autoComplete="off"
        onChange={(event) => setTitle(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && void save()}
      />
    </Dialog>
  );
}
