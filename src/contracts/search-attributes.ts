/** Search attributes and their types; SQL visibility has ten Keyword but only three Datetime slots. */
export const SEARCH_ATTRIBUTES = Object.freeze({
  LetheTenantId: 'KEYWORD',
  LetheStage: 'KEYWORD',
  LetheBand: 'KEYWORD',
  LethePolicyVersion: 'KEYWORD',
  LetheBlockedOn: 'KEYWORD',
  LetheRecordClasses: 'KEYWORD_LIST',
  LetheDueAt: 'DATETIME',
  LetheTerminatedAt: 'DATETIME',
  LetheOnHold: 'BOOL',
  LetheNeedsHuman: 'BOOL',
} as const);
