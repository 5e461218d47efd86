/** Giving a group another name. */
import type { ConversationView } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { useFirstFocus } from '../conversations/use-first-focus.ts';
import { FormDialog, TextField } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';
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
  const name = title.trim();
  const wrong = titleError(name);
  const save = async () => {
    if (await task.run(() => client.groups.rename(view.id, name))) onClose();
  };
  return (
    <FormDialog
      title="Rename the group"
      submit="Save"
      isBusy={task.isBusy}
      isReady={wrong === undefined}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      <TextField
        label="Group name"
        error={wrong ?? task.error}
        value={title}
        dir="auto"
        ref={first}
        autoComplete="off"
        onChange={(event) => setTitle(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
