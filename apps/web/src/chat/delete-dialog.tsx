/** Asking before a message is taken back. */
import type { MessageView } from '@sotto/client';
import { FormDialog } from '../design/index.ts';

export interface DeleteDialogProps {
  line: MessageView;
  onDelete: (line: MessageView) => void;
  onClose: () => void;
}

/** It goes here and on all devices that have it. */
export function DeleteDialog({ line, onDelete, onClose }: DeleteDialogProps) {
  return (
    <FormDialog
      title="Delete this message?"
      submit="Delete for everyone"
      cancel="Keep it"
      tone="danger"
      onSubmit={() => {
        onDelete(line);
        onClose();
      }}
      onClose={onClose}
    >
      <p>It is removed for everyone in this conversation. Whoever has read it has read it.</p>
    </FormDialog>
  );
}
