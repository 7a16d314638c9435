import type { ApprovalRule, AuthorityChange } from '../../contracts/authority';
import type { Sql, SqlPool } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { required, textRow, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';

const CHANGE = `SELECT c.change_id, c.action, c.kid, c.digest, c.proposed_by, c.proposed_at,
    c.expires_at, a.approved_by, a.approved_at
  FROM authority_changes c LEFT JOIN authority_approvals a ON a.change_id = c.change_id`;
const CHANGES_MAX = 200;

const toChange = (row: TextRow): AuthorityChange => ({
  changeId: required(row, 'change_id'),
  action: required(row, 'action') as AuthorityChange['action'],
  kid: row['kid'] ?? null,
  digest: required(row, 'digest'),
  proposedBy: required(row, 'proposed_by'),
  proposedAt: toInstant(required(row, 'proposed_at')),
  expiresAt: toInstant(required(row, 'expires_at')),
  approvedBy: row['approved_by'] ?? null,
  approvedAt: toInstantOrNull(row['approved_at']),
});

/** One proposed change of the registry. @throws LetheError UNKNOWN_CHANGE */
export async function readChange(
  control: Sql | SqlPool,
  changeId: string,
): Promise<AuthorityChange> {
  const row = await textRow(control, `${CHANGE} WHERE c.change_id = ?`, [changeId]);
  if (row !== null) return toChange(row);
  throw new LetheError(
    'UNKNOWN_CHANGE',
    'changeId names no proposed change; `lethe signer list` shows them',
    {
      field: 'changeId',
    },
  );
}

/** Changes of the registry, the newest first. */
export async function readChanges(control: Sql | SqlPool): Promise<readonly AuthorityChange[]> {
  const rows = await textRows(
    control,
    `${CHANGE} ORDER BY c.proposed_at DESC, c.change_id LIMIT ${CHANGES_MAX}`,
  );
  return rows.map(toChange);
}

/** Rules of approvals, the one in force first. */
export async function readApprovalRules(control: Sql | SqlPool): Promise<readonly ApprovalRule[]> {
  const rows = await textRows(
    control,
    `SELECT rule_number, approvals_needed, approve_within_hours, set_at, change_id
       FROM approval_rules ORDER BY rule_number DESC LIMIT ${CHANGES_MAX}`,
  );
  return rows.map((row) => ({
    ruleNumber: Number(required(row, 'rule_number')),
    approvalsNeeded: Number(required(row, 'approvals_needed')),
    approveWithinHours: Number(required(row, 'approve_within_hours')),
    setAt: toInstant(required(row, 'set_at')),
    changeId: row['change_id'] ?? null,
  }));
}
