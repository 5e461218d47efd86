/** The settings: a list of pages beside the one that was chosen, or one at a time where there is no room for both. */
import { useProfile, useUsername } from '@sotto/hooks';
import {
  Archive,
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
import { classes, Pane, PaneColumn } from '../design/index.ts';
import { PersonAvatar } from '../people/person-avatar.tsx';
import { useMe } from '../shell/me.ts';
import { navigate, type SettingsPage } from '../shell/route.ts';
import { RouteLink } from '../shell/route-link.tsx';
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
          <Pane title="Settings" onBack={() => navigate({ name: 'conversations' })}>
            <OwnCard />
            <nav aria-label="Settings">
              <ul>
                {PAGES.map((entry) => (
                  <PageLink key={entry.page} entry={entry} isShown={entry === shown} />
                ))}
              </ul>
            </nav>
          </Pane>
        </div>
        <div className={classes(styles.page, chosen !== undefined && styles.front)}>
          <Pane
            key={shown.page}
            title={shown.title}
            level="h2"
            onBack={() => navigate({ name: 'settings' })}
          >
            <PaneColumn>{shown.show()}</PaneColumn>
          </Pane>
        </div>
      </div>
    </div>
  );
}

function PageLink({ entry, isShown }: { entry: PageEntry; isShown: boolean }) {
  const { page, title, hint, icon: Icon } = entry;
  return (
    <li>
      <RouteLink
        className={styles.link}
        to={{ name: 'settings', page }}
        aria-current={isShown ? 'page' : undefined}
      >
        <Icon size={20} strokeWidth={1.75} aria-hidden />
        <span className={styles.linkWords}>
          <span>{title}</span>
          <span className={styles.linkHint}>{hint}</span>
        </span>
        <ChevronRight className={styles.chevron} size={18} aria-hidden />
      </RouteLink>
    </li>
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
