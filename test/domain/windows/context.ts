import { join } from 'node:path';
import { parseFacts } from '../../../src/contracts/schemas/facts';
import { pinPolicy, RETENTION_SCHEDULE } from '../../../src/domain/retention-schedule';
import type { WindowContext } from '../../../src/domain/windows/duties';
import { computeWindow, type Window } from '../../../src/domain/windows/window';
import { loadCalendars, sha256 } from '../../../src/platform/calendars';

/** The calendars that ship. */
export const CALENDARS_DIR = join(__dirname, '../../../calendars');

/** A context of the shipped policy and calendars. */
export const CONTEXT: WindowContext = {
  policies: [pinPolicy(RETENTION_SCHEDULE, sha256)],
  calendars: loadCalendars(CALENDARS_DIR),
  tzdata: process.versions['tz'] ?? 'unknown',
};

/** Window of facts as a file would state them. */
export const windowOf = (facts: unknown): Window => computeWindow(parseFacts(facts), CONTEXT);

/** Facts of an asset of one service in Shanghai; `changes` replaces fields. */
export const asset = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  recordClass: 'asset-basic-data',
  zone: 'Asia/Shanghai',
  calendars: ['CN'],
  collectedAt: '2025-01-10T08:00:00+08:00',
  links: [link('2023-01-01T00:00:00+08:00', '2026-03-01T15:00:00+08:00')],
  ...changes,
});

/** A link to CVM. */
export const link = (startedAt: string, endedAt: string | null): Record<string, unknown> => ({
  service: 'CVM',
  startedAt,
  endedAt,
});

/** Facts of configuration data in Shanghai; `changes` replaces fields. */
export const configuration = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  recordClass: 'console-configuration-data',
  zone: 'Asia/Shanghai',
  calendars: ['CN'],
  ...changes,
});
