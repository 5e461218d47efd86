/** A file that was chosen, as a small picture. */
import { useEffect, useState } from 'react';
import { FileIcon } from './file-icon.tsx';
import styles from './file-mark.module.css';
import { isPicture } from './file-words.ts';

/** The picture itself where it is one. */
export function FileMark({ file }: { file: File }) {
  const address = useAddress(isPicture(file.type) ? file : undefined);
  return (
    <span className={styles.mark}>
      {address === undefined ? (
        <FileIcon mediaType={file.type} />
      ) : (
        <img className={styles.picture} src={address} alt="" />
      )}
    </span>
  );
}

/** An address for data of this page, for as long as it is shown. */
export function useAddress(data: Blob | undefined): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (data === undefined) return setAddress(undefined);
    const made = URL.createObjectURL(data);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return address;
}
