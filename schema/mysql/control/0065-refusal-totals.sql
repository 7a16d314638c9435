-- The number of refusals of an hour that is over, as the evidence names it; each row once.
CREATE TABLE {{control}}.order_refusal_totals (
  tenant_id VARBINARY(64) NOT NULL,
  cause VARBINARY(32) NOT NULL,
  hour_at DATETIME(6) NOT NULL,
  refused INT UNSIGNED NOT NULL,
  proved_at DATETIME(6) NOT NULL,
  PRIMARY KEY (tenant_id, cause, hour_at)
) ENGINE=InnoDB
