/** What a chat lays over the page: what it asks before it does something, and pictures in full. */
import type { FileReference, MessageView } from '@sotto/client';
import { peerOf, useClient } from '@sotto/hooks';
import { PicturePreview } from '../files/picture-preview.tsx';
import { SendFilesDialog } from '../files/send-files-dialog.tsx';
import { uploadsOf } from '../files/upload-board.ts';
import { GroupInfo } from '../groups/group-info.tsx';
import { BlockAndReport } from '../people/block-and-report.tsx';
import { useChat } from './chat-context.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { TimerDialog } from './timer-dialog.tsx';

/** What lies there. */
export type Asking =
  | { readonly type: 'timer' | 'info' | 'block' }
  | { readonly type: 'delete'; readonly line: MessageView }
  | { readonly type: 'files'; readonly files: readonly File[] }
  | { readonly type: 'picture'; readonly file: FileReference };

export interface DialogsProps {
  name: string;
  asking: Asking;
  onClose: () => void;
}

/** The dialog that is open. */
export function ChatDialogs({ name, asking, onClose }: DialogsProps) {
  const client = useClient();
  const { view, reader, throwAway } = useChat();
  switch (asking.type) {
    case 'timer':
      return <TimerDialog onClose={onClose} />;
    case 'info':
      return <GroupInfo conversation={view.id} onClose={onClose} />;
    case 'block': {
      const user = peerOf(view, reader.me);
      return user === undefined ? null : (
        <BlockAndReport user={user} conversation={view.id} onClose={onClose} />
      );
    }
    case 'delete':
      return <DeleteDialog line={asking.line} onDelete={throwAway} onClose={onClose} />;
    case 'files': {
      const send = (files: readonly File[]) => uploadsOf(client).add(view.id, files);
      return <SendFilesDialog files={asking.files} name={name} onSend={send} onClose={onClose} />;
    }
    case 'picture':
      return <PicturePreview file={asking.file} onClose={onClose} />;
  }
}
