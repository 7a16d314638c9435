import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/**
 * Converts payloads as everywhere, but for what cannot be read: that counts as absent. A signal is on
 * record before anybody has looked at it, so one that does not decode would otherwise fail the task of
 * a tenant's process for ever. Every handler checks what it is given and refuses what is absent.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value: unknown) => defaultPayloadConverter.toPayload(value),
  fromPayload: readOrAbsent as PayloadConverter['fromPayload'],
};

function readOrAbsent(payload: Payload): unknown {
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return undefined;
  }
}
