import type { ConfigurationKind, SharingGrant } from '../contracts/commands';
import type { PlaceHold } from '../contracts/holds';

/** What callers hand the facade: commands whose content is still in hand and not in staging. */

/** Who sends a command and under which key it may be repeated. */
export interface CommandHeader {
  readonly tenantId: string;
  readonly idempotencyKey: string;
  readonly requestedBy: string;
}

/** A change of one setting; the body is checked strictly by its kind. */
export interface ConfigurationChange {
  readonly configurationKind: ConfigurationKind;
  readonly settingId: string;
  readonly body: unknown;
}

/** An authorization with what it covers still in hand. */
export interface SharingOrder extends SharingGrant {
  /** Opaque id of the console's own; a history sees it. */
  readonly authorizationId: string;
}

/** A hold with its ground still in hand. */
export interface HoldOrder extends Omit<PlaceHold, 'ground'> {
  /** Why, and who asked for it: content, so it goes through staging. */
  readonly ground: unknown;
}
