/** Asking before a message is taken back. */
import type { MessageView } from '@sotto/client';
import { Button, Dialog } from '../design/index.ts';

export interface DeleteDialogProps {
  line: MessageView;
  onDelete: (line: MessageView) => void;
  onClose: () => void;
}

/** It goes here and on all devices that have it. */
export function DeleteDialog({ line, onDelete, onClose }: DeleteDialogProps) {
  return (
    <Dialog
      title="Delete this message?"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Keep it</Button>
          <Button
            tone="danger"
            onClick={() => {
              onDelete(line);
              onClose();
            }}
          >
            Delete for everyone
          </Button>
        </>
      }
    >
      <p>It is removed for everyone in this conversation. Whoever has read it has read it.</p>
    </Dialog>
  );
}
