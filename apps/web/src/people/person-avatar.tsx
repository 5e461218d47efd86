/** Somebody's mark: their picture, or the letters of their name. */
import type { UserId } from '@sotto/hooks';
import { Avatar, type AvatarProps } from '../design/index.ts';
import { usePicture } from './use-picture.ts';

export interface PersonAvatarProps extends Omit<AvatarProps, 'picture'> {
  user: UserId;
}

/** An avatar that follows what its person shows. */
export function PersonAvatar({ user, ...others }: PersonAvatarProps) {
  return <Avatar {...others} picture={usePicture(user)} />;
}
