-- Which records of a due day came back when their tenant did, as the verifier read them back: batches of a move
-- span due days, so nothing else says which of a run's records are live by right while others of it are gone.
-- They count once the verdict `restored` stands.
CREATE TABLE {{control}}.returned_batches (
  run_id VARBINARY(64) NOT NULL,
  due_on VARBINARY(10) NOT NULL,
  location VARBINARY(64) NOT NULL,
  batch_number INT UNSIGNED NOT NULL,
  asset_id VARBINARY(64) NOT NULL COMMENT 'empty when the ids carry their asset',
  ids LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  id_count INT UNSIGNED NOT NULL,
  PRIMARY KEY (run_id, due_on, location, batch_number)
) ENGINE=InnoDB
