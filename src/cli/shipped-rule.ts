import { bindDeriveWindow } from '../activities/windows/derive-window';
import type { DeriveWindow } from '../contracts/windows';
import { loadCalendars } from '../platform/calendars';
import { loadPolicies } from '../platform/policies/load-policies';
import { CALENDARS, POLICIES } from './shipped-folders';

/** Windows by the policies, calendars and time zone rules of this build. */
export const shippedRule = (): DeriveWindow =>
  bindDeriveWindow({
    policies: loadPolicies(POLICIES),
    calendars: loadCalendars(CALENDARS),
    tzdata: process.versions['tz'] ?? 'unknown',
  });
