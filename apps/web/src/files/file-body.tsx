/** A file in a bubble. */
import type { FileReference } from '@sotto/client';
import { sizeLabel } from '@sotto/hooks';
import { type ReactNode, useMemo } from 'react';
import { ProgressBar } from '../design/index.ts';
import styles from './file-body.module.css';
import { FileIcon } from './file-icon.tsx';
import { useAddress } from './file-mark.tsx';
import { isPicture } from './file-words.ts';
import { SaveButton } from './save-button.tsx';
import { useDownload } from './use-download.ts';

/** A larger one is saved and not shown: a page would have to hold all of it. */
const SHOWN_BYTES_MAX = 25 * 1024 * 1024;

export interface FileBodyProps {
  file: FileReference;
  /** Shows a picture in full. */
  onOpen: () => void;
  /** The small print. */
  children: ReactNode;
}

/** A picture where it has one, else its kind, name and size. */
export function FileBody({ file, onOpen, children }: FileBodyProps) {
  const { name, mediaType, size, thumbnail } = file;
  const canShow = isPicture(mediaType) && size <= SHOWN_BYTES_MAX;
  return (
    <div className={styles.file}>
      {canShow && thumbnail !== undefined ? (
        <button
          type="button"
          className={styles.opener}
          aria-label={`Open ${name}`}
          onClick={onOpen}
        >
          <Thumbnail thumbnail={thumbnail} name={name} />
        </button>
      ) : (
        <FileLine file={file} {...(canShow && { onOpen })} />
      )}
      {children}
      <span className={styles.size}>{sizeLabel(size)}</span>
    </div>
  );
}

function Thumbnail({
  thumbnail,
  name,
}: {
  thumbnail: NonNullable<FileReference['thumbnail']>;
  name: string;
}) {
  const picture = useMemo(
    () =>
      isPicture(thumbnail.type)
        ? new Blob([Uint8Array.from(thumbnail.bytes)], { type: thumbnail.type })
        : undefined,
    [thumbnail],
  );
  const address = useAddress(picture);
  return <img className={styles.thumbnail} src={address} alt={name} draggable={false} />;
}

function FileLine({ file, onOpen }: { file: FileReference; onOpen?: () => void }) {
  const { name, mediaType } = file;
  const download = useDownload(file);
  const { progress, save } = download;
  return (
    <div className={styles.line}>
      <button
        type="button"
        className={styles.icon}
        aria-label={onOpen === undefined ? `Save ${name}` : `Open ${name}`}
        onClick={onOpen ?? save}
      >
        <FileIcon mediaType={mediaType} />
      </button>
      <span className={styles.words}>
        <bdi className={styles.name}>{name}</bdi>
        {progress !== undefined && (
          <ProgressBar label={`${name}: how much has come`} value={progress} max={1} />
        )}
      </span>
      <SaveButton name={name} download={download} />
    </div>
  );
}
