/** Asking before files leave: a paste or a drop is quickly done. */
import { PLAIN_FILE_BYTES_MAX } from '@sotto/client';
import { sizeLabel } from '@sotto/hooks';
import { X } from 'lucide-react';
import { useState } from 'react';
import { useFirstFocus } from '../conversations/use-first-focus.ts';
import { Button, Dialog, IconButton } from '../design/index.ts';
import { FileMark } from './file-mark.tsx';
import styles from './send-files-dialog.module.css';

export interface SendFilesDialogProps {
  files: readonly File[];
  /** Of the conversation. */
  name: string;
  onSend: (files: readonly File[]) => void;
  onClose: () => void;
}

/** The files, to be looked at and taken out one by one. */
export function SendFilesDialog({ files: given, name, onSend, onClose }: SendFilesDialogProps) {
  const [files, setFiles] = useState(given);
  const first = useFirstFocus<HTMLButtonElement>();
  const fit = files.filter(({ size }) => size <= PLAIN_FILE_BYTES_MAX);
  return (
    <Dialog
      title={files.length === 1 ? 'Send this file?' : `Send ${files.length} files?`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            tone="primary"
            disabled={fit.length === 0}
            ref={first}
            onClick={() => {
              onSend(fit);
              onClose();
            }}
          >
            Send
          </Button>
        </>
      }
    >
      <p className={styles.to}>
        To <bdi>{name}</bdi>
      </p>
      <ul className={styles.files}>
        {files.map((file, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same file may be there twice
          <li key={`${at}/${file.name}`} className={styles.file}>
            <FileMark file={file} />
            <span className={styles.words}>
              <bdi className={styles.name}>{file.name}</bdi>
              <span className={styles.detail}>
                {file.size > PLAIN_FILE_BYTES_MAX
                  ? `${sizeLabel(file.size)} is more than the ${sizeLabel(PLAIN_FILE_BYTES_MAX)} that can be sent`
                  : sizeLabel(file.size)}
              </span>
            </span>
            <IconButton
              label={`Leave out ${file.name}`}
              icon={X}
              onClick={() => setFiles(files.filter((other) => other !== file))}
            />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
