/** Beginning a conversation with somebody. */
import type { UserId } from '@sotto/hooks';
import { useClient } from '@sotto/hooks';
import { Users } from 'lucide-react';
import { useState } from 'react';
import { Button, Dialog } from '../design/index.ts';
import { PersonSearch } from '../groups/person-search.tsx';
import { explain } from '../shell/explain.ts';
import { navigate } from '../shell/route.ts';

export interface NewChatProps {
  onClose: () => void;
  onGroup: () => void;
}

/** Finds somebody by username, and opens the conversation with them: the same one each time. */
export function NewChat({ onClose, onGroup }: NewChatProps) {
  const client = useClient();
  const [error, setError] = useState<string>();
  const [isOpening, setOpening] = useState(false);
  const open = async (user: UserId) => {
    if (isOpening) return;
    setOpening(true);
    setError(undefined);
    try {
      const { id } = await client.openDirect(user);
      onClose();
      navigate({ name: 'chat', conversation: id });
    } catch (failure) {
      setError(explain(failure));
      setOpening(false);
    }
  };
  return (
    <Dialog title="New chat" onClose={onClose}>
      <Button onClick={onGroup}>
        <Users size={18} strokeWidth={1.75} aria-hidden /> New group
      </Button>
      <PersonSearch label="To" error={error} onChoose={(user) => void open(user)} />
    </Dialog>
  );
}
