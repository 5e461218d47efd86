/** Somebody's picture, or the first letters of their name on a colour that is always theirs. */
import { useEffect, useState } from 'react';
import styles from './avatar.module.css';
import { classes } from './classes.ts';
import { hueOf, initialsOf } from './name-mark.ts';

/** A picture as the SDK gives it, or as a file. */
export type AvatarPicture = Blob | { readonly type: string; readonly bytes: Uint8Array };

export interface AvatarProps {
  /** Also what the colour comes from. Said by the text beside it, so it is not read out twice. */
  name: string;
  picture?: AvatarPicture | undefined;
  size?: 'small' | 'medium' | 'large' | 'huge';
  /** A dot that tells that they are there. */
  isThere?: boolean | undefined;
}

/** A round mark of a person or a group. */
export function Avatar({ name, picture, size = 'medium', isThere = false }: AvatarProps) {
  const address = usePictureAddress(picture);
  return (
    <span className={classes(styles.avatar, styles[size])} data-hue={hueOf(name)} aria-hidden>
      {address === undefined ? (
        initialsOf(name)
      ) : (
        <img className={styles.picture} src={address} alt="" draggable={false} />
      )}
      {isThere && <span className={styles.there} />}
    </span>
  );
}

function usePictureAddress(picture: AvatarPicture | undefined): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (picture === undefined) {
      setAddress(undefined);
      return;
    }
    const made = URL.createObjectURL(picture instanceof Blob ? picture : blobOf(picture));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [picture]);
  return address;
}

function blobOf({ type, bytes }: Exclude<AvatarPicture, Blob>): Blob {
  return new Blob([Uint8Array.from(bytes)], { type });
}
