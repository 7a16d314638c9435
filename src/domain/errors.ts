/**
 * Every failure that leaves the engine has a row here, so that exit codes, HTTP statuses and retry
 * behaviour are decided in one place and a new failure cannot be half declared.
 */
interface FailureRow {
  /** Whether running the same step again can succeed without anybody changing the input. */
  readonly retryable: boolean;
  readonly httpStatus: number;
  /** 1: the world is not ready or refused; 2: the input is wrong. */
  readonly exitCode: 1 | 2;
  readonly summary: string;
}

const row = (
  summary: string,
  exitCode: 1 | 2,
  ...[httpStatus, retryable = false]: [number, boolean?]
): FailureRow => ({ retryable, httpStatus, exitCode, summary });

/** The failure table: stable code to behaviour. Codes are part of the public interface. */
export const FAILURES = Object.freeze({
  INVALID_INPUT: row('a field is missing, unknown or malformed', 2, 400),
  UNKNOWN_KIND: row('the kind is not one the agreement knows', 2, 400),
  INVALID_INSTANT: row('an instant must be RFC 3339 with an offset', 2, 400),
  INVALID_ZONE: row('the time zone is not an IANA zone', 2, 400),
  INVALID_CALENDAR: row('no working-day calendar with that id', 2, 400),
  INVALID_TENANT_ID: row('a tenant id is tn_ and 16 to 40 lower-case letters or digits', 2, 400),
  UNKNOWN_TENANT: row('no lifecycle is known for the tenant', 2, 404),
  IDEMPOTENCY_CONFLICT: row('the idempotency key was used with another body', 2, 409),
  NOT_SUBSCRIBED: row('the tenant is not subscribed', 2, 409),
  ALREADY_SUBSCRIBED: row('the tenant is subscribed already', 2, 409),
  LIFECYCLE_ENDED: row('the lifecycle has ended; its certificates remain', 2, 410),
  ATTESTATION_REQUIRED: row('a minimum-age attestation is required', 2, 409),
  SERVICE_NOT_ACTIVE: row('the Hosting Service is not active for the tenant', 2, 409),
  SERVICE_ALREADY_ACTIVE: row('the Hosting Service is active already', 2, 409),
  FEATURE_NOT_ACTIVE: row('the Feature is not active', 2, 409),
  FEATURE_ALREADY_ACTIVE: row('the Feature is active already', 2, 409),
  ASSET_WITHOUT_LINK: row('an asset must be linked to at least one Hosting Service', 2, 409),
  AUTHORIZATION_REQUIRED: row('no valid registry sharing authorization covers this', 2, 409),
  STALE_OBSERVATION: row('the observation is not newer than the last one', 2, 409),
  OBSERVATION_REFUSED: row('the observation arrived after the fence', 2, 409),
  UNKNOWN_REQUEST: row('no such deletion request', 2, 404),
  REQUEST_IRREVOCABLE: row('destruction has begun; the request can no longer be withdrawn', 2, 409),
  UNKNOWN_HOLD: row('no such hold', 2, 404),
  UNKNOWN_FREEZE: row('no such freeze', 2, 404),
  UNKNOWN_TRIP: row('no such trip of the circuit breaker', 2, 404),
  UNKNOWN_BACKUP: row('no such backup set', 2, 404),
  CONFIRMATION_REQUIRED: row(
    'a dangerous command needs the tenant id typed as confirmation',
    2,
    400,
  ),
  NOT_PERMITTED: row('the state does not allow this command', 2, 409),
  SIGNATURE_REQUIRED: row('the decision needs the signature of who takes it', 2, 403),
  SIGNATURE_INVALID: row('a signed document is malformed, altered or signed as another', 2, 422),
  UNKNOWN_SIGNER: row('no such key in the registry of signers', 2, 404),
  SIGNER_NOT_ENTITLED: row('the role of the key does not allow this signature', 2, 403),
  SIGNER_NOT_VALID: row('the key does not count at this instant', 2, 403),
  FOUR_EYES: row('a second person is needed', 2, 409),
  UNKNOWN_ORDER: row('no such deletion order', 2, 404),
  ORDER_REFUSED: row('the order is not for this, or is signed by somebody else', 2, 409),
  ORDER_EXPIRED: row('the order or its approval is not valid now', 2, 409),
  ORDER_STOPPED: row('the order was denied or revoked', 2, 409),
  ORDER_REQUIRED: row('what was requested goes only under an approved order', 1, 409, true),
  PLAN_NOT_READY: row('what was requested is not sealed yet', 1, 409, true),
  UNKNOWN_CHANGE: row('no such proposed change of the registry', 2, 404),
  PLAN_CHANGED: row('the present plan is not the one that was read and signed', 2, 409),
  PROCESS_OPEN: row('a process is open under that name', 2, 409),
  BACKDATING_NEEDS_APPROVAL: row('an effective time in the past needs a second person', 2, 409),
  PERMIT_REFUSED: row(
    'no permit: a hold, a freeze, a window or a floor stands against it',
    1,
    409,
    true,
  ),
  CAP_ROWS_PER_BATCH: row('a batch has more rows than the cap allows', 1, 409),
  CAP_COHORTS_PER_HOUR: row('the cap on cohorts an hour stops the run', 1, 409),
  CAP_STORE_SHARE_PER_DAY: row('the cap on the share of a store a day stops the run', 1, 409),
  CAP_TENANTS_PER_30_DAYS: row('the cap on tenants in 30 days stops the run', 1, 409),
  BREAKER_VOLUME: row('unusual volume: the circuit breaker trips', 1, 409),
  BREAKER_OPEN: row('the circuit breaker is open until a person resets it', 1, 409),
  COUNT_MISMATCH: row('the store holds another number of records than the sealed batch', 1, 500),
  DIGEST_MISMATCH: row('content differs from its recorded digest', 1, 500),
  CLOCK_DISAGREES: row('the clocks of the engine and the database disagree', 1, 503, true),
  CLOCK_UNSAFE: row('the database clock can be moved by a session', 1, 503),
  STORE_UNAVAILABLE: row('a store cannot be reached', 1, 503, true),
  OUTCOME_UNKNOWN: row(
    'the outcome of a statement is unknown and must be read again',
    1,
    503,
    true,
  ),
  STORE_REFUSED: row('a store refused a statement', 1, 500),
  ACCESS_DENIED: row('the account may not do this in the store', 1, 500),
  TAKEN_OVER: row('another worker was first at the same step; it is read again', 1, 409, true),
  DUPLICATE_KEY: row('a record with that key exists already', 1, 409),
  ENGINE_UNAVAILABLE: row('the workflow engine cannot be reached', 1, 503, true),
  VERIFICATION_FAILED: row('a location could not be verified', 1, 500, true),
  SERVICE_STATE_UNKNOWN: row(
    'the hosting system of record gave no answer: data is kept',
    1,
    503,
    true,
  ),
  KEY_DESTROYED: row('the data key has been destroyed', 1, 410),
  UNSAFE_STATEMENT: row('the guard refused a statement that is not bound to explicit ids', 1, 500),
  ENVIRONMENT_MISMATCH: row('two environments, or simulation and production, do not mix', 2, 409),
  CONFIGURATION_INVALID: row('the configuration of the process is invalid', 2, 500),
  ARCHIVE_INVALID: row(
    'the archive part is truncated, altered or not what its header says',
    1,
    500,
  ),
  EVIDENCE_INVALID: row(
    'signed evidence is malformed, altered or not signed by a key that counts',
    1,
    422,
  ),
} as const satisfies Record<string, FailureRow>);

/** A stable failure code. */
export type FailureCode = keyof typeof FAILURES;

/** Kinds of stores as people are told of them, with the words for it. */
export const STORE_NAMES = Object.freeze({
  sql: 'the SQL store',
  documents: 'the document store',
  objects: 'the object store',
});

/** A kind of store. */
export type StoreKind = keyof typeof STORE_NAMES;

/**
 * A failure with a stable code. The message says what happened, names the field and the remedy, and
 * never carries tenant content: it ends up in histories and logs.
 */
export class LetheError extends Error {
  readonly code: FailureCode;
  readonly field: string | undefined;
  /** The store that is away, when that is what happened. */
  readonly store: StoreKind | undefined;

  constructor(
    code: FailureCode,
    message: string,
    options: { field?: string; store?: StoreKind; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LetheError';
    this.code = code;
    this.field = options.field;
    this.store = options.store;
  }
}

/** True for a failure of this engine, whatever module registry it came from. */
export function isLetheError(error: unknown): error is LetheError {
  return (
    error instanceof Error &&
    error.name === 'LetheError' &&
    typeof (error as { code?: unknown }).code === 'string' &&
    (error as unknown as { code: string }).code in FAILURES
  );
}
