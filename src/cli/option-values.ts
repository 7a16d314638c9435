import { Option } from 'commander';
import type { MinimumAgeAttestation } from '../contracts/commands';
import { LetheError, isLetheError } from '../domain/errors';
import { HOSTING_SERVICES, RECORD_CLASSES } from '../domain/record-class';
import type { CliIo } from './io';
import { parseStrictJson } from '../contracts/strict-json';

/** One Hosting Service. */
export const serviceOption = (description: string): Option =>
  new Option('--service <service>', description)
    .choices([...HOSTING_SERVICES])
    .makeOptionMandatory();

/** One Hosting Service or several. */
export const servicesOption = (description: string): Option =>
  new Option('--service <service...>', description).choices([...HOSTING_SERVICES]);

/** A record class. */
export const recordClassOption = (description: string): Option =>
  new Option('--record-class <class>', description).choices([...RECORD_CLASSES]);

/**
 * Reads `SG:13` as an attestation.
 *
 * @throws LetheError INVALID_INPUT
 */
export function parseAttestation(text: string): MinimumAgeAttestation {
  const [, jurisdiction, age] = /^([A-Z]{2}):(\d{1,3})$/.exec(text) ?? [];
  if (jurisdiction !== undefined) return { jurisdiction, minimumAge: Number(age) };
  throw new LetheError('INVALID_INPUT', 'attestation must be a country and an age, like SG:13', {
    field: 'attestation',
  });
}

/**
 * Text of a file that an option or an argument names, or of standard input for `-`.
 *
 * @throws LetheError INVALID_INPUT naming it.
 */
export function readText(io: Pick<CliIo, 'read'>, file: string, option: string): string {
  try {
    return io.read(file);
  } catch (cause) {
    if (isLetheError(cause)) throw cause;
    throw new LetheError('INVALID_INPUT', `${option} cannot be read; name a readable file, or -`, {
      field: option,
      cause,
    });
  }
}

/**
 * Reads a JSON file, or standard input for `-`; a field that is stated twice is refused.
 *
 * @throws LetheError INVALID_INPUT naming the option.
 */
export function readJson(io: CliIo, file: string, option: string): unknown {
  try {
    return parseStrictJson(io.read(file).replace(/^\uFEFF/, ''));
  } catch (cause) {
    if (isLetheError(cause)) throw cause;
    throw new LetheError('INVALID_INPUT', `${option} must name a readable JSON file, or -`, {
      field: option,
      cause,
    });
  }
}
