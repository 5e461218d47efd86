/** The mark of a conversation: of the other one, or of the group. */
import type { ConversationView } from '@sotto/client';
import { peerOf, type UserId, usePresence } from '@sotto/hooks';
import { Avatar, type AvatarProps } from '../design/index.ts';
import { PersonAvatar } from '../people/person-avatar.tsx';
import { useMe } from '../shell/me.ts';

export interface ConversationAvatarProps {
  view: ConversationView;
  name: string;
  size?: NonNullable<AvatarProps['size']>;
}

/** With a dot when the other one is there. */
export function ConversationAvatar({ view, name, size = 'medium' }: ConversationAvatarProps) {
  const peer = peerOf(view, useMe().user);
  if (peer === undefined) return <Avatar name={name} size={size} />;
  return <PeerAvatar user={peer} name={name} size={size} />;
}

type PeerAvatarProps = { user: UserId } & Required<Omit<ConversationAvatarProps, 'view'>>;

function PeerAvatar({ user, ...others }: PeerAvatarProps) {
  const isThere = usePresence(user)?.online;
  return <PersonAvatar user={user} isThere={isThere} {...others} />;
}
