/** Files of a chat that are on their way up. */
import { type ConversationId, sizeLabel, useClient, useObservable } from '@sotto/hooks';
import { FileUp, Pause, Play, RotateCcw, X } from 'lucide-react';
import { IconButton, ProgressBar } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { type Upload, type UploadBoard, uploadsOf } from './upload-board.ts';
import styles from './upload-list.module.css';

/** Between what was said and the composer. */
export function UploadList({ conversation }: { conversation: ConversationId }) {
  const board = uploadsOf(useClient());
  const uploads = useObservable(board).filter((upload) => upload.conversation === conversation);
  if (uploads.length === 0) return null;
  return (
    <ul className={styles.uploads} aria-label="Files being sent">
      {uploads.map((upload) => (
        <UploadLine key={upload.id} upload={upload} board={board} />
      ))}
    </ul>
  );
}

function UploadLine({ upload, board }: { upload: Upload; board: UploadBoard }) {
  const { id, name, state, done, total } = upload;
  const isStopped = state === 'paused' || state === 'failed';
  return (
    <li className={styles.upload}>
      <FileUp className={styles.icon} size={20} strokeWidth={1.75} aria-hidden />
      <div className={styles.words}>
        <bdi className={styles.name}>{name}</bdi>
        <ProgressBar label={`${name}: how much was sent`} value={done} max={Math.max(1, total)} />
        <span className={state === 'failed' ? styles.failed : styles.detail} role="status">
          {stateWords(upload)}
        </span>
      </div>
      {isStopped ? (
        <IconButton
          label={state === 'failed' ? `Try again to send ${name}` : `Go on sending ${name}`}
          icon={state === 'failed' ? RotateCcw : Play}
          onClick={() => board.resume(id)}
        />
      ) : (
        <IconButton label={`Pause ${name}`} icon={Pause} onClick={() => board.pause(id)} />
      )}
      <IconButton label={`Do not send ${name}`} icon={X} onClick={() => board.cancel(id)} />
    </li>
  );
}

function stateWords({ state, done, total, size, error }: Upload): string {
  const percent = Math.floor((100 * done) / Math.max(1, total));
  switch (state) {
    case 'waiting':
      return `${sizeLabel(size)}, waiting`;
    case 'sending':
      return `${percent} % of ${sizeLabel(size)}`;
    case 'paused':
      return `Paused at ${percent} %`;
    case 'failed':
      return explain(error);
  }
}
