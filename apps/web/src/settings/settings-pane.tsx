/** The settings: a list of pages beside the one that was chosen, or one at a time where there is no room for both. */
import { useProfile, useUsername } from '@sotto/hooks';
import {
  Archive,
  ArrowLeft,
  Bell,
  ChevronRight,
  KeyRound,
  type LucideIcon,
  MonitorSmartphone,
  ShieldCheck,
  SunMoon,
  UserRound,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { classes, IconButton } from '../design/index.ts';
import { PersonAvatar } from '../people/person-avatar.tsx';
import { useMe } from '../shell/me.ts';
import { navigate, pathOf, type SettingsPage } from '../shell/route.ts';
import { AccountPage } from './account-page.tsx';
import { AppearancePage } from './appearance-page.tsx';
import { BackupPage } from './backup-page.tsx';
import { DevicesPage } from './devices-page.tsx';
import { NotificationsPage } from './notifications-page.tsx';
import { PrivacyPage } from './privacy-page.tsx';
import { ProfilePage } from './profile-page.tsx';
import styles from './settings-pane.module.css';

interface PageEntry {
  readonly page: SettingsPage;
  readonly title: string;
  readonly hint: string;
  readonly icon: LucideIcon;
  readonly show: () => ReactNode;
}

const PAGES: readonly PageEntry[] = [
  {
    page: 'profile',
    title: 'Profile',
    hint: 'Your name and picture',
    icon: UserRound,
    show: () => <ProfilePage />,
  },
  {
    page: 'devices',
    title: 'Devices and sessions',
    hint: 'Where you are, and linking',
    icon: MonitorSmartphone,
    show: () => <DevicesPage />,
  },
  {
    page: 'privacy',
    title: 'Privacy',
    hint: 'Presence and blocked people',
    icon: ShieldCheck,
    show: () => <PrivacyPage />,
  },
  {
    page: 'notifications',
    title: 'Notifications',
    hint: 'When to tell you of messages',
    icon: Bell,
    show: () => <NotificationsPage />,
  },
  {
    page: 'appearance',
    title: 'Appearance',
    hint: 'Light or dark',
    icon: SunMoon,
    show: () => <AppearancePage />,
  },
  {
    page: 'backup',
    title: 'Backup',
    hint: 'Your messages in a safe place',
    icon: Archive,
    show: () => <BackupPage />,
  },
  {
    page: 'account',
    title: 'Account',
    hint: 'Password, your data, leaving',
    icon: KeyRound,
    show: () => <AccountPage />,
  },
];

/** The settings, open at a page, or at the list of them. */
export function SettingsPane({ page }: { page?: SettingsPage | undefined }) {
  const chosen = PAGES.find((entry) => entry.page === page);
  const shown = chosen ?? PAGES[0]!;
  return (
    <div className={styles.pane}>
      <div className={styles.panes}>
        <div className={classes(styles.list, chosen === undefined && styles.front)}>
          <Header title="Settings" level="h1" onBack={() => navigate({ name: 'conversations' })} />
          <div className={styles.scroll}>
            <OwnCard />
            <nav aria-label="Settings">
              <ul>
                {PAGES.map((entry) => (
                  <PageLink key={entry.page} entry={entry} isShown={entry === shown} />
                ))}
              </ul>
            </nav>
          </div>
        </div>
        <div className={classes(styles.page, chosen !== undefined && styles.front)}>
          <Header title={shown.title} level="h2" onBack={() => navigate({ name: 'settings' })} />
          <div className={styles.scroll} key={shown.page}>
            <div className={styles.column}>{shown.show()}</div>
          </div>
        </div>
      </div>
    </div>
  );
}

function PageLink({ entry, isShown }: { entry: PageEntry; isShown: boolean }) {
  const { page, title, hint, icon: Icon } = entry;
  const route = { name: 'settings', page } as const;
  return (
    <li>
      <a
        className={styles.link}
        href={pathOf(route)}
        aria-current={isShown ? 'page' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          navigate(route);
        }}
      >
        <Icon size={20} strokeWidth={1.75} aria-hidden />
        <span className={styles.linkWords}>
          <span>{title}</span>
          <span className={styles.linkHint}>{hint}</span>
        </span>
        <ChevronRight className={styles.chevron} size={18} aria-hidden />
      </a>
    </li>
  );
}

interface HeaderProps {
  title: string;
  level: 'h1' | 'h2';
  onBack: () => void;
}

function Header({ title, level: Level, onBack }: HeaderProps) {
  return (
    <header className={styles.header}>
      <span className={styles.back}>
        <IconButton label="Back" icon={ArrowLeft} onClick={onBack} />
      </span>
      <Level className={styles.title}>{title}</Level>
    </header>
  );
}

function OwnCard() {
  const { user, username } = useMe();
  const profile = useProfile(user);
  const known = useUsername(user) ?? username;
  return (
    <div className={styles.card}>
      <PersonAvatar user={user} name={profile?.name ?? known} size="large" />
      <div className={styles.cardWords}>
        <strong dir="auto">{profile?.name ?? known}</strong>
        <span className={styles.linkHint}>@{known}</span>
      </div>
    </div>
  );
}
