/** Who is in a group, and what can be done with it. */
import type { ConversationView } from '@sotto/client';
import {
  type ConversationId,
  conversationName,
  type UserId,
  useClient,
  useConversations,
  useNames,
} from '@sotto/hooks';
import {
  EllipsisVertical,
  LogOut,
  type LucideIcon,
  Pencil,
  ShieldCheck,
  UserMinus,
  UserPlus,
  UserRoundCog,
} from 'lucide-react';
import { useState } from 'react';
import {
  Avatar,
  Button,
  Dialog,
  Failure,
  FormDialog,
  Menu,
  type MenuItem,
} from '../design/index.ts';
import { PersonLine } from '../people/person-line.tsx';
import { useMe } from '../shell/me.ts';
import { navigate } from '../shell/route.ts';
import { useTask } from '../shell/use-task.ts';
import { AddMembers } from './add-members.tsx';
import styles from './group-info.module.css';
import { RenameGroup } from './rename-group.tsx';

export interface GroupInfoProps {
  conversation: ConversationId;
  onClose: () => void;
}

type Page = 'info' | 'add' | 'rename' | 'leave';

/** A dialog of one group; it has another face for each thing that is being done. */
export function GroupInfo({ conversation, onClose }: GroupInfoProps) {
  const view = useConversations()?.find(({ id }) => id === conversation);
  const [page, setPage] = useState<Page>('info');
  if (view === undefined) return null;
  const back = () => setPage('info');
  switch (page) {
    case 'add':
      return <AddMembers view={view} onClose={back} />;
    case 'rename':
      return <RenameGroup view={view} onClose={back} />;
    case 'leave':
      return <LeaveGroup view={view} onClose={back} onLeft={onClose} />;
    case 'info':
      return <Info view={view} onClose={onClose} onPage={setPage} />;
  }
}

interface InfoProps {
  view: ConversationView;
  onClose: () => void;
  onPage: (page: Page) => void;
}

function Info({ view, onClose, onPage }: InfoProps) {
  const me = useMe().user;
  const name = conversationName(view, me, useNames(view.members));
  const task = useTask();
  const isIn = view.members.includes(me);
  const isAdmin = view.admins.includes(me);
  return (
    <Dialog title="Group info" onClose={onClose}>
      <div className={styles.head}>
        <Avatar name={name} size="large" />
        <bdi className={styles.name}>{name}</bdi>
        <span className={styles.detail}>
          {view.members.length === 1 ? '1 member' : `${view.members.length} members`}
        </span>
      </div>
      {isIn && (
        <div className={styles.actions}>
          {isAdmin && <Action icon={UserPlus} label="Add people" onClick={() => onPage('add')} />}
          {isAdmin && <Action icon={Pencil} label="Rename" onClick={() => onPage('rename')} />}
          <Action icon={LogOut} label="Leave" onClick={() => onPage('leave')} />
        </div>
      )}
      <Failure error={task.error} />
      <ul className={styles.members} aria-label="Members">
        {view.members.map((user) => (
          <Member key={user} user={user} view={view} task={task} onClose={onClose} />
        ))}
      </ul>
    </Dialog>
  );
}

interface ActionProps {
  icon: LucideIcon;
  label: string;
  onClick: () => void;
}

function Action({ icon: Icon, label, onClick }: ActionProps) {
  return (
    <Button onClick={onClick}>
      <Icon size={18} strokeWidth={1.75} aria-hidden /> {label}
    </Button>
  );
}

interface MemberProps {
  user: UserId;
  view: ConversationView;
  task: ReturnType<typeof useTask>;
  onClose: () => void;
}

/** Admins may remove others and give their role on. */
function Member({ user, view, task, onClose }: MemberProps) {
  const me = useMe().user;
  const isAdmin = view.admins.includes(user);
  const items = useMemberItems({ user, view, task, onClose });
  return (
    <li>
      <PersonLine
        user={user}
        action={
          <>
            {user === me && <span className={styles.tag}>You</span>}
            {isAdmin && <span className={styles.tag}>Admin</span>}
            {items.length > 0 && (
              <Menu label="What to do with this member" icon={EllipsisVertical} items={items} />
            )}
          </>
        }
      />
    </li>
  );
}

function useMemberItems({ user, view, task, onClose }: MemberProps): readonly MenuItem[] {
  const client = useClient();
  const me = useMe().user;
  if (user === me) return [];
  const safety: MenuItem = {
    label: 'Safety number',
    icon: ShieldCheck,
    onSelect() {
      onClose();
      navigate({ name: 'safety', user });
    },
  };
  if (!view.admins.includes(me)) return [safety];
  const isAdmin = view.admins.includes(user);
  const setRole = () => client.groups.setRole(view.id, user, isAdmin ? 'member' : 'admin');
  return [
    safety,
    {
      label: isAdmin ? 'Take the admin role' : 'Make admin',
      icon: UserRoundCog,
      onSelect: () => void task.run(setRole),
    },
    {
      label: 'Remove from group',
      icon: UserMinus,
      tone: 'danger',
      onSelect: () => void task.run(() => client.groups.remove(view.id, [user])),
    },
  ];
}

interface LeaveGroupProps {
  view: ConversationView;
  onClose: () => void;
  onLeft: () => void;
}

function LeaveGroup({ view, onClose, onLeft }: LeaveGroupProps) {
  const client = useClient();
  const task = useTask();
  const leave = async () => {
    if (await task.run(() => client.groups.leave(view.id))) onLeft();
  };
  return (
    <FormDialog
      title="Leave this group?"
      submit="Leave"
      cancel="Stay"
      tone="danger"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void leave()}
      onClose={onClose}
    >
      <p>What was said stays readable here. Members see that you have left.</p>
    </FormDialog>
  );
}
