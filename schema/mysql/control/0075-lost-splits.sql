-- Splits that the evidence knows and a restored control did not: what was withheld is put back from its own archive.
CREATE TABLE {{control}}.lost_splits (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  hold_id VARBINARY(64) NOT NULL,
  tenant_id VARBINARY(64) NOT NULL,
  withheld_run_id VARBINARY(64) NOT NULL,
  withheld BIGINT UNSIGNED NOT NULL COMMENT 'as the verifier counted before',
  rest BIGINT UNSIGNED NOT NULL,
  split_at DATETIME(6) NOT NULL COMMENT 'when the evidence was told',
  put_back_at DATETIME(6) NOT NULL,
  PRIMARY KEY (run_id, due_on, hold_id),
  KEY by_tenant (tenant_id)
) ENGINE=InnoDB
