/** The door of the runtime: what every service process needs, no words of the domain. */
export {
  type AuditCounts,
  type AuditCountsOptions,
  type CountedAction,
  createAuditCounts,
} from './audit-counts.ts';
export {
  ACCESS_TOKEN_ALGORITHM,
  ACCESS_TOKEN_TYPE,
  AccessTokenClaims,
  type Authenticate,
  type AuthenticateOptions,
  type Caller,
  createAuthenticate,
} from './authenticate.ts';
export { openBus, openCounters } from './backends.ts';
export { behindGateway, GATEWAY_HEADERS, gatewayHeaders } from './behind-gateway.ts';
export {
  type Blob,
  type Blobs,
  type ByteRange,
  type Part,
  type PartsAttempt,
  PartsGoneError,
} from './blobs.ts';
export {
  type DirectoryBlobsOptions,
  openDirectoryBlobs,
  readDirectoryBlobs,
} from './blobs-directory.ts';
export { openS3Blobs, type S3BlobsOptions } from './blobs-s3.ts';
export { cutParts } from './body-parts.ts';
export type { Bus, BusHandler, Closable, Follower, LogLevel } from './bus.ts';
export { type LevelsOptions, meterLevels } from './bus-levels.ts';
export { createMemoryBus, type MemoryBusOptions } from './bus-memory.ts';
export { type NatsBusOptions, openNatsBus } from './bus-nats.ts';
export { limiterKey } from './client-address.ts';
export { type CommandProcess, runCommandProcess } from './command-process.ts';
export { duration, moment, noWords, onlyWord, wholeNumber } from './command-words.ts';
export { type Command, type Commands, helpIn, runCommand } from './commands.ts';
export {
  ConfigError,
  type ConfigFault,
  type ConfigSource,
  INSECURE_DEFAULT_PREFIX,
  loadConfig,
} from './config.ts';
export type { Count, Counters } from './counters.ts';
export { createMemoryCounters, type MemoryCountersOptions } from './counters-memory.ts';
export { openRedisCounters } from './counters-redis.ts';
export { meterDatabase } from './database-levels.ts';
export { consumeEvent, enqueueEvent, publishEvent } from './events.ts';
export {
  type AccessTokenHeader,
  type Admission,
  type Arrival,
  accessToken,
  admit,
  createGuards,
  createUserLimit,
  type Guards,
  type GuardsOptions,
  type OpenedGuards,
} from './guards.ts';
export {
  type App,
  type AppEnv,
  type AppOptions,
  createApp,
  createRequestMeter,
  type RequestMeter,
} from './http.ts';
export { readBytes, readJson } from './json-body.ts';
export { queryOn } from './lent-connection.ts';
export { BLOB_PART_BYTES, PART_MEMORY_BYTES } from './limits.ts';
export { type Listening, listen } from './listen.ts';
export { createLogger, type LogFields, type Logger, type LoggerOptions } from './log.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { type Migration, type Migrations, migrate, migrateWithin } from './migrate.ts';
export { type Call, type Handler, mount } from './mount.ts';
export { endOneByOne } from './one-by-one.ts';
export {
  createOutboxTable,
  enqueue,
  type Outbox,
  type OutboxOptions,
  type OutboxTable,
  type OutboxTables,
  startOutbox,
} from './outbox.ts';
export { meterOutboxes, type OutboxAgeOptions } from './outbox-age.ts';
export { createPartMemory, type PartBuffer, type PartMemory } from './part-memory.ts';
export { type CallInput, callPeer, remotePeer } from './peer.ts';
export {
  type Database,
  type DatabaseOptions,
  databaseOptions,
  openDatabase,
  openPatientPool,
  openUrgentPool,
} from './postgres.ts';
export { openPipeline, type Pipeline, type Statement } from './postgres-pipeline.ts';
export { ProblemWithHeaders, problemResponse, toApiError } from './problem-response.ts';
export { type Running, type RunOptions, run } from './process.ts';
export { processTerminal } from './process-terminal.ts';
export {
  createProofs,
  PROOF_HEADER,
  PROOF_NONCE_HEADER,
  type Proof,
  type ProofInput,
  type Proofs,
  type ProofsOptions,
  thumbprint,
  type UnusedProof,
} from './proof.ts';
export {
  anyOrigin,
  type ProofOrigins,
  type ProofOriginsOptions,
  proofOrigins,
} from './proof-origins.ts';
export {
  createLimiters,
  type Limiter,
  type Limiters,
  type LimitersOptions,
  type LimitRule,
  limitHeaders,
  type Standing,
} from './rate-limit.ts';
export type { RedisOptions } from './redis.ts';
export { createRevocations, type Revocations, type RevocationsOptions } from './revocations.ts';
export { createSealedFields, type FieldPlace, type SealedFields } from './sealed-fields.ts';
export { sameSecret } from './secret.ts';
export {
  type DatabaseSection,
  Duration,
  databaseSection,
  internalSection,
  jwtSection,
  type LimitsSection,
  LOG_LEVELS,
  limitsSection,
  logSection,
  type NatsSection,
  natsSection,
  type RedisSection,
  redisSection,
  type S3Section,
  SECRET_LENGTH_MIN,
  type ServerSection,
  s3Section,
  serverSection,
  servicesSection,
} from './sections.ts';
export type { Clock, Connection, Fetch, Relay, Service, Upgrade } from './service.ts';
export { freeReceived, freeSpent } from './spent-bytes.ts';
export { UnavailableError } from './start-faults.ts';
export {
  CommandError,
  EXIT_CONFIG,
  EXIT_FAILED,
  EXIT_UNAVAILABLE,
  EXIT_USAGE,
  printable,
  type Terminal,
  table,
  timeText,
  wrongCall,
} from './terminal.ts';
export {
  createTokenUses,
  type TokenUse,
  type TokenUses,
  type TokenUsesOptions,
} from './token-uses.ts';
