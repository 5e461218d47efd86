/** Branded identifiers. All are lower-case UUID text, so that equal ids are equal strings. */
import * as z from 'zod/mini';

const uuid = () =>
  z
    .string()
    .check(
      z.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      z.meta({ format: 'uuid' }),
    );

/** An account. Made by the server. */
export const UserId = uuid().brand<'UserId'>();
export type UserId = z.infer<typeof UserId>;

/** One device of an account. Made by the server, unique over all accounts, never reused. */
export const DeviceId = uuid().brand<'DeviceId'>();
export type DeviceId = z.infer<typeof DeviceId>;

/** A conversation. Of two users it is made by the server; of a group by its founder (UUIDv7), who signs it. */
export const ConversationId = uuid().brand<'ConversationId'>();
export type ConversationId = z.infer<typeof ConversationId>;

/** A message. Made by its sender (UUIDv7), so that sending again is always safe. */
export const MessageId = uuid().brand<'MessageId'>();
export type MessageId = z.infer<typeof MessageId>;

/** An encrypted file. Made by the server. */
export const FileId = uuid().brand<'FileId'>();
export type FileId = z.infer<typeof FileId>;

/** A session: one log-in of one device. */
export const SessionId = uuid().brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;

/** Who sent something: an account and which of its devices. */
export const Address = z.strictObject({ user: UserId, device: DeviceId });
export type Address = z.infer<typeof Address>;

/** A place in a conversation's order, from 1. Beyond 2^53 a conversation would need 285 million years at 1 000 messages a second. */
export const Seq = z.int().check(z.minimum(0));

/** A moment as RFC 3339 text in UTC. */
export const Timestamp = z.iso.datetime();

/** The username rule: 3 to 50 letters and digits; unique without case. */
export const Username = z
  .string()
  .check(z.minLength(3), z.maxLength(50), z.regex(/^[A-Za-z0-9]+$/));
