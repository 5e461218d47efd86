/** What an application may ask of `client.people`: whom there is, who may reach us, and how everybody looks. */
import type { ConversationId, UserEntry, UserId } from '@sotto/api';
import type { Abortable } from '../connection/heeding.ts';
import type { ProfileChange } from './own-profile.ts';
import type { DirectoryPage, MessageRequest, Standing } from './people.ts';
import type { Picture } from './picture.ts';
import type { Profile } from './profile.ts';
import type { Report } from './report.ts';

/** Other people, and what they see of this account. All methods reject as calls do, unless they say that they ask nobody. */
export interface PeopleDoor {
  /**
   * Users by the first letters of their names, as far as the platform's directory goes: it may ask for three letters,
   * give no pages, or be off (`user.directory-off`).
   */
  list(page?: DirectoryPage, options?: Abortable): Promise<UserEntry[]>;
  /**
   * A user whom this account has met; without a connection by the name that the platform told last. Rejects with `user.not-found`
   * for others, unless the directory is open.
   */
  find(user: UserId, options?: Abortable): Promise<UserEntry>;
  /** Shows others when this account is there, or hides it; who hides it sees nobody else's presence. */
  showPresence(visible: boolean, options?: Abortable): Promise<void>;

  /**
   * Nothing more comes from this user, who is not told: not in the conversation of the two, nor by groups that they add
   * this account to. In groups that both are in, they are still read. Their profile is not shown, and they are not
   * told of another one of this account.
   */
  block(user: UserId, options?: Abortable): Promise<void>;
  /** Lets a user write again. What was sent meanwhile is lost. */
  unblock(user: UserId, options?: Abortable): Promise<void>;
  blocks(options?: Abortable): Promise<UserId[]>;

  /** Conversations that strangers have begun, or groups that they have added this account to, until they are accepted. */
  requests(options?: Abortable): Promise<MessageRequest[]>;
  /** Accepts one, whose members see this account's profile from now on. Writing there shows it to them, too. */
  accept(conversation: ConversationId, options?: Abortable): Promise<void>;
  /** Ends one: blocks who has begun a conversation of two, who is not told; leaves a group, which its members see. */
  decline(conversation: ConversationId, options?: Abortable): Promise<void>;
  /** Lets nothing of a conversation wake this account's devices until a moment; null for no longer. */
  mute(conversation: ConversationId, until: Date | null, options?: Abortable): Promise<void>;
  standing(conversation: ConversationId, options?: Abortable): Promise<Standing>;
  /**
   * Shows the platform's operator what somebody has written, in plain text: the messages given, and nothing else. Rejects
   * with `content.invalid` for messages of anybody else or of several conversations, and `request.invalid` for more than
   * 20 of them.
   */
  report(report: Report, options?: Abortable): Promise<{ report: string }>;

  /**
   * Changes the name and the picture that others see of this account, end-to-end encrypted. Resolves once it is in the
   * store, and asks nobody: whoever this account has written to or accepted gets it as soon as there is a connection,
   * others with the first message to them. Rejects with `content.invalid` and `file.size`.
   */
  setProfile(change: ProfileChange): Promise<void>;
  /**
   * What a user shows, this account included, from the store; undefined as long as nothing has come, and of whoever is
   * blocked. Strangers' too: they may take any name, which the `username` of `find` is none of.
   */
  profile(user: UserId): Promise<Profile | undefined>;
  /**
   * The picture that a user shows, fetched the first time, undefined when there is none or the platform does not have it
   * any more. Rejects with `file.damaged` when what lies there is not the picture.
   */
  openPicture(user: UserId, options?: Abortable): Promise<Picture | undefined>;
}
