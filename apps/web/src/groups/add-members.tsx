/** Adding people to a group. */
import type { ConversationView } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { FormDialog } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';
import { Chosen } from './chosen.tsx';
import { PersonSearch } from './person-search.tsx';
import { useChosen } from './use-chosen.ts';

export interface AddMembersProps {
  view: ConversationView;
  onClose: () => void;
}

/** They read what is said from then on. */
export function AddMembers({ view, onClose }: AddMembersProps) {
  const client = useClient();
  const task = useTask();
  const { chosen, toggle } = useChosen();
  const add = async () => {
    if (await task.run(() => client.groups.add(view.id, [...chosen.keys()]))) onClose();
  };
  return (
    <FormDialog
      title="Add people"
      submit="Add"
      isBusy={task.isBusy}
      isReady={chosen.size > 0}
      onSubmit={() => void add()}
      onClose={onClose}
    >
      <Chosen members={chosen} onRemove={(user) => toggle(user, '')} />
      <PersonSearch
        label="Who"
        error={task.error}
        onChoose={toggle}
        chosen={new Set(chosen.keys())}
        without={new Set(view.members)}
      />
    </FormDialog>
  );
}
